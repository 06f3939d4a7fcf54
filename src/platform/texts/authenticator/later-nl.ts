import { accountNl } from './account-nl.ts'
import { actorsNl } from './actors-nl.ts'
import { alertsNl } from './alerts-nl.ts'
import type { LaterTexts } from './later-texts.ts'
import { passkeyNl } from './passkey-nl.ts'
import { phoneNl } from './phone-nl.ts'

export const laterNl: LaterTexts = {
  account: accountNl,
  actors: actorsNl,
  alerts: alertsNl,
  passkey: passkeyNl,
  phone: phoneNl,
}
