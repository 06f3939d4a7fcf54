import { z } from 'zod'
import type { Bound } from '../platform/bound.ts'
import type { HttpApp } from '../platform/http/http-app.ts'
import { route } from '../platform/http/route.ts'
import { reportStatus } from '../platform/http/schemas/enumerations.ts'
import { idParams } from '../platform/http/schemas/ids.ts'
import { pageOf, pageQuery, pageRequest } from '../platform/http/schemas/paging.ts'
import { principalOf } from '../tenants/api-key.guard.ts'
import type { ServerOptions } from '../tenants/server.http.ts'
import { reportBody, reportPage, reportResolution } from './protection.schemas.ts'
import type * as useCases from './use-cases.ts'

type Options = ServerOptions<Bound<typeof useCases>>

/** The queue of "this wasn't me". */
export function reportRoutes(app: HttpApp, options: Options, done: () => void): void {
  list(app, options)
  resolve(app, options)
  done()
}

function list(app: HttpApp, { useCases, key }: Options): void {
  route(
    app,
    'GET /v1/reports',
    key('admin', {
      operationId: 'listReports',
      tag: 'users',
      summary: 'What users reported as not theirs',
      querystring: z.strictObject({
        ...pageQuery('report'),
        status: reportStatus.exactOptional(),
      }),
      answers: { 200: { description: 'The reports.', schema: reportPage } },
    }),
    async (request) => {
      const { status = null, ...paging } = request.query
      const page = pageRequest(paging)
      return pageOf(await useCases.listReports(principalOf(request), status, page), page)
    },
  )
}

function resolve(app: HttpApp, { useCases, key }: Options): void {
  route(
    app,
    'POST /v1/reports/:id/resolve',
    key('admin', {
      operationId: 'resolveReport',
      tag: 'users',
      summary: 'Resolve a report with what was found out',
      params: idParams('id', 'report', 'The report.'),
      body: reportResolution,
      answers: { 200: { description: 'The resolved report.', schema: reportBody } },
      refusals: ['report_resolved', 'conflict'],
    }),
    async (request) => {
      const { id } = request.params
      return useCases.resolveReport(principalOf(request), id, request.body)
    },
  )
}
