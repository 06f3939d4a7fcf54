// The cookies of a prompt: one for each prompt, which binds it to the browser that began it, and
// one by which a browser is recognised when it comes again.

import type { CookieSerializeOptions } from '@fastify/cookie'
import type { PromptId, TenantId } from '../../domain/ids.ts'
import { answerSeconds, promptSeconds } from '../../domain/prompt.ts'

type Cookie = { readonly name: string; readonly options: CookieSerializeOptions }

/** Where the page of a prompt is. */
export function promptPath(tenantId: TenantId, id: PromptId): string {
  return `/t/${tenantId}/prompt/${id}`
}

// `Lax`: a client sends the browser to us by a form of another site, and a `Strict` cookie that is
// set then does not come with the redirect that follows.
function lax(publicOrigin: string, path: string, maxAge: number): CookieSerializeOptions {
  const secure = publicOrigin.startsWith('https:')
  return { httpOnly: true, secure, sameSite: 'lax', path, maxAge }
}

/** The cookie of one prompt, sent to its own pages alone. */
export function promptCookie(publicOrigin: string, tenantId: TenantId, id: PromptId): Cookie {
  const options = lax(publicOrigin, promptPath(tenantId, id), promptSeconds + answerSeconds)
  return { name: `${options.secure ? '__Secure-' : ''}countersign-prompt`, options }
}

const browserSeconds = 180 * 24 * 60 * 60

/**
 * The cookie by which the limits on questions recognise a browser. Never set in answer to a request
 * of another site: its cookies do not come with such a request, and would be replaced each time.
 */
export function browserCookie(publicOrigin: string): Cookie {
  const options = lax(publicOrigin, '/', browserSeconds)
  return { name: `${options.secure ? '__Host-' : ''}countersign-browser`, options }
}
