// Parameters of clients of the Auth API. They send more than is listed here, and all of it as text:
// unknown parameters are ignored.

import { z } from 'zod'

const short = z.string().max(255).default('')
const flag = z.string().transform((text) => /^(?:1|true)$/i.test(text))

const person = {
  username: short,
  user_id: short,
  /** The address of the person; not that of the client. */
  ipaddr: short,
  hostname: short,
}

export const preauthParams = z.object({
  ...person,
  text_prompt: flag.default(false),
  client_supports_verified_push: flag.default(false),
  /**
   * Undocumented; some clients report what they do when nobody answers. Everything but `closed` is
   * open.
   */
  failmode: z.string().default('closed'),
})

export const authParams = z.object({
  ...person,
  factor: z.string().max(64),
  device: short,
  prompt: z.string().max(255).exactOptional(),
  passcode: z.string().max(255).exactOptional(),
  async: flag.default(false),
  txid: z.string().max(255).exactOptional(),
  type: z.string().max(1024).default(''),
  display_username: z.string().max(1024).default(''),
  /** Pairs to show, encoded as a form once more. */
  pushinfo: z.string().max(20_000).default(''),
})

export const authStatusParams = z.object({ txid: z.string().max(255) })

export const enrollParams = z.object({
  username: z.string().min(1).max(255),
  valid_secs: z.string().max(16).exactOptional(),
  bypass_codes: z.string().max(16).exactOptional(),
})

export const enrollStatusParams = z.object({
  user_id: z.string().max(255),
  activation_code: z.string().max(255),
})
