import { z } from 'zod'
import { appleAssociation, assetLinks, type LinkedApp } from '../domain/app-links.ts'
import { fixedAnswer } from '../platform/http/fixed-answer.ts'
import type { HttpApp } from '../platform/http/http-app.ts'
import { nothing, publicOperation } from '../platform/http/operation.ts'
import { sendProblem } from '../platform/http/problem.ts'
import { shownText } from '../platform/http/schemas/text.ts'

const appleBody = z
  .object({
    applinks: z.object({
      details: z.array(
        z.object({
          appIDs: z.array(shownText('ABCDE12345.com.example.auth')),
          components: z.array(
            z.object({ '/': shownText('/t/*/enroll'), comment: shownText('Add an account.') }),
          ),
        }),
      ),
    }),
  })
  .meta({ id: 'AppleAppSiteAssociation', description: 'As Apple defines it.' })

const assetLinksBody = z
  .array(
    z.object({
      relation: z.array(shownText('delegate_permission/common.handle_all_urls')),
      target: z.object({
        namespace: shownText('android_app'),
        package_name: shownText('com.example.auth'),
        sha256_cert_fingerprints: z.array(shownText('14:6D:E9:83:C5:73:06:50:...')),
      }),
    }),
  )
  .meta({ id: 'AssetLinks', description: 'Statements as Google defines them.' })

const files = [
  {
    path: '/.well-known/apple-app-site-association',
    operationId: 'readAppleAppSiteAssociation',
    summary: 'Which apps of Apple’s platforms may open links to the enrollment page',
    schema: appleBody,
    contentOf: appleAssociation,
  },
  {
    path: '/.well-known/assetlinks.json',
    operationId: 'readAssetLinks',
    summary: 'Which Android apps may open links to the enrollment page',
    schema: assetLinksBody,
    contentOf: assetLinks,
  },
] as const

export type AppLinkOptions = {
  /** The apps that the operator lists; no tenant can add one. */
  readonly linkedApps: readonly LinkedApp[]
}

/** The files by which systems verify that an app may open links of this origin. */
export function appLinkRoutes(
  app: HttpApp,
  { linkedApps }: AppLinkOptions,
  done: () => void,
): void {
  for (const { path, operationId, summary, schema, contentOf } of files) {
    const content = contentOf(linkedApps)
    const build = () => JSON.stringify(content)
    app.get(
      path,
      publicOperation({
        operationId,
        tag: 'operations',
        summary,
        description: 'The list of the operator (`APP_LINKS`); 404 where it is empty.',
        answers: {
          200: { description: 'The file.', schema },
          304: nothing('The copy of the caller is still valid.'),
        },
        refusals: ['not_found'],
      }),
      content === null
        ? (_request, reply) => sendProblem(reply, 'not_found')
        : fixedAnswer({ type: 'application/json', build }),
    )
  }
  done()
}
