import { expect } from 'vitest'
import type { SignInView, Step } from '../../demo/sign-in-view.ts'
import { until } from '../support/until.ts'

/** The sign-in page's calls, without a browser. */
export function openBrowser(pages: string) {
  const cookies = new Map<string, string>()
  const call = (path: string, body?: object) =>
    fetch(`${pages}/api/sign-in${path}`, {
      ...(body && { method: 'POST', body: JSON.stringify(body) }),
      headers: {
        cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; '),
        'content-type': 'application/json',
      },
      redirect: 'manual',
    })
  const send = async (path: string, body?: object): Promise<SignInView> => {
    const response = await call(path, body)
    for (const cookie of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? []
      cookies.set(name, value)
    }
    expect(response.status, path).toBe(200)
    return (await response.json()) as SignInView
  }
  return {
    send,
    /** Where the way to the portal leads. */
    portal: async () => (await call('/portal')).headers.get('location'),
    /** The step of this name, once it is shown and matches. */
    see: <Name extends Step['name']>(
      name: Name,
      fits: (step: Extract<Step, { name: Name }>) => boolean = () => true,
    ) =>
      until(`the step ${name}`, async () => {
        const { step } = await send('')
        const isIt = step.name === name && fits(step as Extract<Step, { name: Name }>)
        return isIt ? (step as Extract<Step, { name: Name }>) : undefined
      }),
  }
}
