/** One HTTP request to a Google endpoint, of any HTTP version. */
export type GatewayRequest = {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

/** An answer; `reason` is for the log only. */
export type GatewayReply = {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: string
  readonly reason?: string
  readonly token?: string
}

/** A JSON answer in the layout of Google's front ends. */
export function jsonReply(status: number, body: unknown, reason?: string): GatewayReply {
  const text = JSON.stringify(body)
  return {
    status,
    headers: { 'content-type': 'application/json; charset=UTF-8' },
    body: text,
    ...(reason === undefined ? {} : { reason }),
  }
}
