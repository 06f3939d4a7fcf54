// The texts of screens that are loaded when they are opened, in English.

import { accountEn } from './account-en.ts'
import { actorsEn } from './actors-en.ts'
import { alertsEn } from './alerts-en.ts'
import { passkeyEn } from './passkey-en.ts'
import { phoneEn } from './phone-en.ts'

export const laterEn = {
  account: accountEn,
  actors: actorsEn,
  alerts: alertsEn,
  passkey: passkeyEn,
  phone: phoneEn,
} as const
