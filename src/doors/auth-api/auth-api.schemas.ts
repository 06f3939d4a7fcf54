// Parameters of clients of the Auth API. They send more than is listed here, and all of it as text:
// unknown parameters are ignored.

import { z } from 'zod'
import { idExample } from '../../platform/http/schemas/ids.ts'

const short = z.string().max(255).default('')
const txidExample = '01jv9z3k8we2tvn4qh6yrx7b5c'
const flag = z
  .string()
  .transform((text) => /^(?:1|true)$/i.test(text))
  .meta({ example: '1' })

const person = {
  username: short.meta({ example: 'ada' }),
  user_id: short,
  /** The address of the person; not that of the client. */
  ipaddr: short,
  hostname: short,
}

export const preauthParams = z
  .object({
    ...person,
    text_prompt: flag.default(false),
    client_supports_verified_push: flag.default(false),
    /**
     * Undocumented; some clients report what they do when nobody answers. Everything but `closed`
     * is open.
     */
    failmode: z.string().default('closed'),
  })
  .meta({ id: 'AuthApiPreauth', description: 'Whose sign-in is coming.' })

export const authParams = z
  .object({
    ...person,
    factor: z.string().max(64).meta({ example: 'push' }),
    device: short,
    prompt: z.string().max(255).meta({ example: 'Sign in' }).exactOptional(),
    passcode: z.string().max(255).meta({ example: '492039' }).exactOptional(),
    async: flag.default(false),
    txid: z.string().max(255).meta({ example: txidExample }).exactOptional(),
    type: z.string().max(1024).default(''),
    display_username: z.string().max(1024).default(''),
    /** Pairs to show, encoded as a form once more. */
    pushinfo: z.string().max(20_000).default(''),
  })
  .meta({ id: 'AuthApiQuestion', description: 'Whom to ask, and how.' })

export const authStatusParams = z.object({
  txid: z.string().max(255).meta({ example: txidExample }),
})

export const enrollParams = z
  .object({
    username: z.string().min(1).max(255).meta({ example: 'ada' }),
    valid_secs: z.string().max(16).meta({ example: '3600' }).exactOptional(),
    bypass_codes: z.string().max(16).meta({ example: '1' }).exactOptional(),
  })
  .meta({ id: 'AuthApiEnroll', description: 'Who is to be enrolled.' })

export const enrollStatusParams = z
  .object({
    user_id: z
      .string()
      .max(255)
      .meta({ example: idExample('user') }),
    activation_code: z.string().max(255).meta({ example: '7K3QM-9TX2R' }),
  })
  .meta({ id: 'AuthApiEnrollStatus', description: 'Which enrollment to read.' })
