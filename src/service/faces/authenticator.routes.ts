// The authenticator: an app for browsers that is a device.

import { readFile } from 'node:fs/promises'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type FixedAnswer, fixedAnswer } from '../../platform/http/fixed-answer.ts'
import type { HttpApp } from '../../platform/http/http-app.ts'
import { sendProblemPage } from '../../platform/http/pages/problem-page.ts'
import { type AuthenticatorOrigins, isAtOrigin } from './authenticator-origin.http.ts'
import { type BuiltFile, listBuiltFiles } from './built-files.ts'

/** Where the app is; the scope of its worker, too, and so with a slash. */
const authenticatorPath = '/authenticator/'
const page = 'index.html'

/**
 * Any script that runs here can use the keys of the person. So: files of this origin alone, nothing
 * inline, no text that becomes code but the address of the one worker (Trusted Types), no frame.
 */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "manifest-src 'self'",
  "worker-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  'trusted-types worker',
].join('; ')

const headers = {
  'content-security-policy': policy,
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy':
    'camera=(self), publickey-credentials-get=(self), publickey-credentials-create=(self), ' +
    'microphone=(), geolocation=(), display-capture=()',
}

/** Names of assets contain a hash of what is in them. */
function cacheControlOf({ name }: BuiltFile): string {
  if (name.endsWith('.html')) return 'no-store'
  return name.startsWith('assets/') ? 'public, max-age=31536000, immutable' : 'no-cache'
}

const attributeText = (text: string) => text.replaceAll('&', '&amp;').replaceAll('"', '&quot;')

/** The page with what only the service knows in the meta elements that are there for it. */
function tellPage(html: string, facts: Readonly<Record<string, string>>): string {
  return html.replace(/<meta name="([\w-]+)" content="">/g, (element, name: string) => {
    const fact = facts[name]
    return fact === undefined ? element : `<meta name="${name}" content="${attributeText(fact)}">`
  })
}

function answerOf(file: BuiltFile, { publicOrigin, rpId }: AuthenticatorOptions): FixedAnswer {
  const build = async () => {
    const bytes = await readFile(file.path)
    if (file.name !== page) return bytes
    // The app may be served from another origin than the one that codes and proofs name.
    const facts = { 'service-origin': publicOrigin, 'webauthn-rp-id': rpId ?? '' }
    return tellPage(bytes.toString(), facts)
  }
  return { type: file.type, headers, cacheControl: cacheControlOf(file), build }
}

export type AuthenticatorOptions = AuthenticatorOrigins & {
  /** Of the build. */
  readonly folder: string
  /** The domain that passkeys belong to; null for the host of the page. */
  readonly rpId: string | null
}

/** Where the app is, for links of other pages. */
export function authenticatorAddress({ authenticatorOrigin }: AuthenticatorOrigins): string {
  return `${authenticatorOrigin ?? ''}${authenticatorPath}`
}

const searchOf = ({ raw: { url = '' } }: FastifyRequest) =>
  url.includes('?') ? url.slice(url.indexOf('?')) : ''

/**
 * `/authenticator`. A fragment survives the redirect to the address with a slash, and to the origin
 * of its own: under the public one there are no keys then.
 */
export function authenticatorRoutes(
  app: HttpApp,
  options: AuthenticatorOptions,
  done: () => void,
): void {
  const { folder, rpId: _, ...origins } = options
  const files = listBuiltFiles(folder)
  const answers = new Map(files.map((one) => [one.name, fixedAnswer(answerOf(one, options))]))
  const address = authenticatorAddress(origins)
  const { authenticatorOrigin } = origins
  const isElsewhere = (request: FastifyRequest) =>
    authenticatorOrigin !== null && !isAtOrigin(request, authenticatorOrigin)
  const hiddenRoute = { schema: { hide: true } }
  const redirect = (request: FastifyRequest, reply: FastifyReply) =>
    reply.redirect(`${address}${searchOf(request)}`, 308)
  app.get('/authenticator', hiddenRoute, redirect)
  app.get(
    `${authenticatorPath}*`,
    hiddenRoute,
    (request: FastifyRequest<{ Params: { '*': string } }>, reply: FastifyReply) => {
      const name = request.params['*'] || page
      if (isElsewhere(request)) {
        return name === page ? redirect(request, reply) : sendProblemPage(reply, 'not_found')
      }
      const answer = answers.get(name)
      return answer ? answer(request, reply) : sendProblemPage(reply, 'not_found')
    },
  )
  done()
}
