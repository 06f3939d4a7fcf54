// A browser on one connection, which measures how long each answer takes.

import { Agent, request } from 'node:http'

/** From the request until the whole answer is here. */
export type TimedAnswer = {
  readonly ms: number
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

export type TimedBrowser = ReturnType<typeof aTimedBrowser>

/** One that keeps its connection for all people, and the cookies of one at a time. */
export function aTimedBrowser(origin: string) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const { hostname, port } = new URL(origin)

  function send(
    target: string,
    jar: Map<string, string>,
    fields?: Readonly<Record<string, string>>,
    site = 'same-origin',
  ): Promise<TimedAnswer> {
    const body = fields && new URLSearchParams(fields).toString()
    const headers = {
      accept: 'text/html',
      'accept-language': 'en',
      'sec-fetch-site': site,
      cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; '),
      ...(body !== undefined && {
        'content-type': 'application/x-www-form-urlencoded',
        'content-length': String(Buffer.byteLength(body)),
      }),
    }
    const method = body === undefined ? 'GET' : 'POST'
    return new Promise((resolve, reject) => {
      const startedAt = performance.now()
      const call = request({ agent, hostname, port, path: target, method, headers }, (answer) => {
        const chunks: Buffer[] = []
        answer.on('data', (chunk: Buffer) => chunks.push(chunk))
        answer.once('error', reject)
        answer.once('end', () => {
          const ms = performance.now() - startedAt
          const lines = Object.entries(answer.headersDistinct)
          const answerHeaders = new Headers(
            lines.flatMap(([name, values = []]) =>
              values.map((value) => [name, value] as [string, string]),
            ),
          )
          for (const cookie of answerHeaders.getSetCookie()) {
            const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? []
            jar.set(name, value)
          }
          const text = Buffer.concat(chunks).toString('utf8')
          resolve({ ms, status: answer.statusCode ?? 0, headers: answerHeaders, text })
        })
      })
      call.once('error', reject)
      call.end(body)
    })
  }

  return { send, close: () => agent.destroy() }
}
