// The one table of policy fields: default, bounds, direction of strictness, and meaning.

import { attestationModes } from './attestation.ts'
import { platforms } from './device.ts'
import { portalSignInModes } from './portal.ts'
import { firstVersion, newestVersion } from './protocol-version.ts'
import { pushSignInModes } from './push-sign-in.ts'

/**
 * How a field may be set. `stricter` is the direction in which a relying party may go beyond its
 * tenant; null for none.
 */
export type PolicyRule = { readonly about: string } & (
  | {
      readonly kind: 'integer'
      readonly default: number
      readonly min: number
      readonly max: number
      readonly stricter: 'more' | 'fewer' | null
    }
  | { readonly kind: 'flag'; readonly default: boolean; readonly stricter: boolean }
  /** `values` go from the laxest to the strictest. */
  | { readonly kind: 'choice'; readonly default: string; readonly values: readonly string[] }
  /** A tag of BCP 47, stricter in no direction. */
  | { readonly kind: 'language'; readonly default: string }
  | {
      readonly kind: 'list'
      readonly default: readonly string[]
      readonly item: RegExp
      readonly itemsMax: number
      readonly stricter: 'more' | 'fewer'
    }
)

const integer = <
  const Rule extends Omit<Extract<PolicyRule, { kind: 'integer' }>, 'kind' | 'about'>,
>(
  about: string,
  rule: Rule,
) => ({ kind: 'integer', about, ...rule }) as const
const flag = (about: string, rule: { default: boolean; stricter: boolean }) =>
  ({ kind: 'flag', about, ...rule }) as const
const choice = <const Values extends readonly string[]>(
  about: string,
  rule: { default: NoInfer<Values[number]>; values: Values },
) => ({ kind: 'choice', about, ...rule }) as const
const language = (about: string, rule: { default: string }) =>
  ({ kind: 'language', about, ...rule }) as const
const list = (
  about: string,
  rule: { default: readonly string[]; item: RegExp; itemsMax: number; stricter: 'more' | 'fewer' },
) => ({ kind: 'list', about, ...rule }) as const

const day = 24 * 60 * 60

/** Every field. Bounds are inclusive and apply to every tenant. */
export const policyRules = {
  profile: choice(
    'Which standard the policy follows: `nist-800-63b-4` refuses fewer than six digits and ' +
      'challenges without a number.',
    { default: 'nist-800-63b-4', values: ['compat', 'nist-800-63b-4'] },
  ),

  numberDigits: integer('Digits of a number that the service generates.', {
    default: 6,
    min: 2,
    max: 8,
    stricter: 'more',
  }),
  numberNoneAllowedFor: list(
    'Relying parties and integrations whose challenges may have no number; every use is recorded.',
    {
      default: [],
      item: /^(rp|int)_[0-7][0-9a-hjkmnp-tv-z]{25}$/,
      itemsMax: 100,
      stricter: 'fewer',
    },
  ),
  wrongNumbersMax: integer(
    'Wrong numbers that end a challenge as denied; one where there are fewer than six digits.',
    { default: 3, min: 1, max: 3, stricter: 'fewer' },
  ),
  wrongNumbersInRowMax: integer(
    'Wrong numbers in a row, over all challenges of a user, that lock push sign-in for a time.',
    { default: 10, min: 3, max: 10, stricter: 'fewer' },
  ),
  wrongNumberLockSeconds: integer('How long push sign-in is locked after wrong numbers in a row.', {
    default: 3600,
    min: 900,
    max: day,
    stricter: 'more',
  }),
  wrongNumbersHardMax: integer(
    'Wrong numbers since the last success that lock push sign-in until an admin or another ' +
      'factor unlocks it.',
    { default: 100, min: 10, max: 100, stricter: 'fewer' },
  ),

  challengeTtlSeconds: integer('Lifetime of a challenge that does not request another.', {
    default: 120,
    min: 15,
    max: 600,
    stricter: 'fewer',
  }),
  userVerification: choice('The least user verification that a challenge requires.', {
    default: 'not_required',
    values: ['not_required', 'preferred', 'required'],
  }),
  pushSignIn: choice(
    'Who may use push sign-in; `listed` means users who are set to `on`. Others are not ' +
      'asked, and enroll no device.',
    { default: 'everybody', values: pushSignInModes },
  ),
  pushSignInPercent: integer(
    'How many percent of the users may enroll a device, for a roll-out in steps. Users who have ' +
      'one, or are set to `on`, are not affected.',
    { default: 100, min: 0, max: 100, stricter: 'fewer' },
  ),
  portalSignIn: choice(
    'How users enter the portal: by a link of a relying party alone, or also by an approval on a ' +
      'device of their own, after which they may look, and suspend or end devices.',
    { default: 'link', values: portalSignInModes },
  ),
  resendsMax: integer('Pushes of one challenge beyond the first.', {
    default: 3,
    min: 0,
    max: 3,
    stricter: 'fewer',
  }),
  resendGapSeconds: integer('Time between two pushes of one challenge.', {
    default: 10,
    min: 10,
    max: 600,
    stricter: 'more',
  }),

  pushesPerFiveMinutesMax: integer(
    'Pushes to a user within five minutes, from one known initiator or from all others together.',
    { default: 5, min: 1, max: 20, stricter: 'fewer' },
  ),
  pushesPerHourMax: integer('The same within an hour.', {
    default: 10,
    min: 1,
    max: 60,
    stricter: 'fewer',
  }),
  unansweredMax: integer(
    'Pushes that may stay unanswered or be denied since the last success; beyond it no more are ' +
      'sent until one succeeds.',
    { default: 3, min: 0, max: 10, stricter: 'fewer' },
  ),
  unansweredGapSeconds: integer('Time without a push after one that is unanswered.', {
    default: 10,
    min: 5,
    max: 600,
    stricter: 'more',
  }),
  denialGapSeconds: integer('Time without a push after a denial.', {
    default: 60,
    min: 10,
    max: 3600,
    stricter: 'more',
  }),
  pendingMax: integer(
    'Challenges of a user that may be pending at the same time, from one known initiator or from ' +
      'all others together.',
    { default: 3, min: 1, max: 10, stricter: 'fewer' },
  ),
  initiatorMemoryDays: integer(
    'How long an initiator that the user approved keeps a budget of its own.',
    { default: 30, min: 0, max: 90, stricter: 'fewer' },
  ),
  initiatorBlockSeconds: integer('How long a reported initiator is refused for that user.', {
    default: day,
    min: 3600,
    max: 30 * day,
    stricter: 'more',
  }),
  reportLockSeconds: integer('How long a report locks push sign-in for the user.', {
    default: 3600,
    min: 900,
    max: 7 * day,
    stricter: 'more',
  }),

  activityPushesPerHourMax: integer(
    'Pushes about activities to a user within an hour; the last one is reserved for critical ones.',
    { default: 3, min: 1, max: 20, stricter: 'fewer' },
  ),

  appVersionsMin: list(
    'Minimum versions of apps, such as `com.example.app@3.2.0`; an older app can only report its ' +
      'new version or unregister. The highest of several counts.',
    {
      default: [],
      item: /^[A-Za-z0-9][A-Za-z0-9._-]{0,254}@[0-9]{1,9}(\.[0-9]{1,9}){0,3}$/,
      itemsMax: 100,
      stricter: 'more',
    },
  ),
  retiredPlatforms: list(
    'Platforms that are not accepted any more: `ios`, `android`, `web`, `other`.',
    {
      default: [],
      item: new RegExp(`^(${platforms.join('|')})$`),
      itemsMax: 4,
      stricter: 'more',
    },
  ),
  browserDevices: choice(
    'Whether browsers may be devices; their keys are software, and nobody vouches for them.',
    { default: 'allowed', values: ['allowed', 'refused'] },
  ),
  syncedPasskeys: choice(
    'Whether a passkey that its platform may copy to other devices counts as a verification key.',
    { default: 'allowed', values: ['allowed', 'refused'] },
  ),
  protocolVersionMin: integer(
    'Minimum version of the device protocol; an app that speaks an older one can only report its ' +
      'new version or unregister.',
    { default: firstVersion, min: firstVersion, max: newestVersion, stricter: 'more' },
  ),
  companionsMayAnswer: flag(
    'Whether companion devices (watches) are asked; never where a number must be typed.',
    { default: false, stricter: false },
  ),

  devicesPerUserMax: integer('Devices that a user may have.', {
    default: 10,
    min: 1,
    max: 20,
    stricter: null,
  }),
  enrollmentTtlSeconds: integer('Lifetime of an enrollment.', {
    default: 600,
    min: 60,
    max: 600,
    stricter: 'fewer',
  }),
  enrollmentCodeTriesMax: integer('Wrong typed codes that end the typed code of an enrollment.', {
    default: 5,
    min: 1,
    max: 5,
    stricter: 'fewer',
  }),
  enrollmentConfirmation: flag(
    'Whether a new device must type the number from the sign-in page before it becomes active.',
    { default: true, stricter: true },
  ),

  challengeRetentionDays: integer(
    'Days that an ended challenge is kept, with its answers: the evidence of a sign-in.',
    { default: 90, min: 1, max: 3650, stricter: null },
  ),
  activityRetentionDays: integer(
    'Days that an activity is kept; the audit record says that it was purged.',
    { default: 400, min: 30, max: 3650, stricter: null },
  ),
  enrollmentRetentionDays: integer(
    'Days that an ended enrollment is kept; that of a live device is kept as long as the device.',
    { default: 90, min: 1, max: 3650, stricter: null },
  ),
  reportRetentionDays: integer('Days that a resolved report is kept; an open one is kept.', {
    default: 400,
    min: 30,
    max: 3650,
    stricter: null,
  }),
  diagnosticsRetentionDays: integer('Days that the diagnostics of a device are kept.', {
    default: 14,
    min: 1,
    max: 90,
    stricter: null,
  }),

  language: language(
    'The language of people who have given none, a tag of BCP 47: for pushes where the app has ' +
      'no text of its own.',
    { default: 'en' },
  ),

  passcodesAllowed: flag(
    'Whether new devices get a secret for passcodes, and passcodes are accepted. Recovery codes ' +
      'and temporary codes are not passcodes.',
    { default: true, stricter: false },
  ),
  passcodeDigits: integer('Digits of the passcodes of devices that are enrolled from now on.', {
    default: 6,
    min: 6,
    max: 8,
    stricter: null,
  }),
  attestation: choice(
    "Whether a new device's keys must be attested by the maker of the phone: `log` records the " +
      'verdict, `require` refuses a device without a verified attestation.',
    { default: 'off', values: attestationModes },
  ),
} as const satisfies Readonly<Record<string, PolicyRule>>
