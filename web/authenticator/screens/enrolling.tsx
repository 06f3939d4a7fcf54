// From a code to an account: what the ways to bring a code share.

import { useEffect, useState } from 'preact/hooks'
import { DeviceApiError, type EnrollmentTicket } from '../../../clients/device/src/device.ts'
import {
  createPasskey,
  dropPasskey,
  type NewPasskey,
  namePasskey,
  type PasskeyStanding,
  passkeyStanding,
} from '../passkey.ts'
import { describeBrowser } from '../this-browser.ts'
import { VaultError } from '../vault.ts'
import { Field, Trouble } from './parts.tsx'
import { type ScreenProps, useAction } from './use.ts'

function proposedName(): string {
  const { browser, system } = describeBrowser(navigator.userAgent)
  return `${browser}, ${system}`
}

/** After these the code is as good as before, and another passkey, or none, may do. */
function isAboutPasskey(error: unknown): boolean {
  return error instanceof DOMException || isSynced(error)
}

/** Whether the organisation accepts no passkey that is copied to other devices. */
function isSynced(error: unknown): boolean {
  return error instanceof DeviceApiError && error.code === 'passkey_synced'
}

export type Enrolling = ReturnType<typeof useAction> & {
  readonly name: string
  readonly setName: (name: string) => void
  readonly standing: PasskeyStanding | null
  /** The code, while the person decides about a passkey. */
  readonly ticket: EnrollmentTicket | null
  readonly newPasskey: NewPasskey | null
  /** Goes on with a code: to the offer of a passkey, where there can be one. */
  readonly add: (ticket: EnrollmentTicket) => void
  /** Makes a passkey: in a click. */
  readonly create: () => void
  /** Claims the code with the passkey that was made, in a click, or without one. */
  readonly claim: (how: { readonly withPasskey: boolean }) => void
}

/** A passkey that is refused, or was made in vain, is not offered by its manager any more. */
const drop = (newPasskey: NewPasskey | null) =>
  newPasskey && void dropPasskey(newPasskey.passkey).catch(() => undefined)

export function useEnrolling({ app }: ScreenProps): Enrolling {
  const [name, setName] = useState(proposedName)
  const [standing, setStanding] = useState<PasskeyStanding | null>(null)
  const [ticket, setTicket] = useState<EnrollmentTicket | null>(null)
  const [newPasskey, setNewPasskey] = useState<NewPasskey | null>(null)
  const action = useAction()
  useEffect(() => void passkeyStanding().then(setStanding), [])
  const browserName = name.trim() || proposedName()

  const claimWith = async (code: EnrollmentTicket, own: NewPasskey | null) => {
    const passkey = own?.passkey ?? null
    const { account } = await app.add({ ticket: code, name: browserName, passkey })
    const { user, tenant } = account
    // Nothing depends on the name.
    if (own) void namePasskey(own, `${user.displayName} (${tenant.name})`)
    else drop(newPasskey)
  }
  const add = (code: EnrollmentTicket) =>
    action.begin(async () => {
      if ((await passkeyStanding()) === 'impossible') return claimWith(code, null)
      setTicket(code)
    })
  const create = () =>
    action.begin(async () => setNewPasskey(await createPasskey(ticket?.user ?? browserName)))
  const claim = ({ withPasskey }: { readonly withPasskey: boolean }) =>
    action.begin(async () => {
      if (!ticket) return
      await claimWith(ticket, withPasskey ? newPasskey : null).catch((error: unknown) => {
        if (!isAboutPasskey(error)) setTicket(null)
        if (isSynced(error)) {
          drop(newPasskey)
          setNewPasskey(null)
        }
        throw error
      })
    })
  return { ...action, name, setName, standing, ticket, newPasskey, add, create, claim }
}

/** What went wrong; whether the code was used up is said where it matters. */
export function EnrollTrouble({
  app,
  enrolling: { trouble },
}: ScreenProps & { readonly enrolling: Pick<Enrolling, 'trouble'> }) {
  const { add, errors } = app.words.texts
  const isUnknown = (trouble as { readonly outcomeUnknown?: boolean } | null)?.outcomeUnknown
  const own =
    trouble instanceof VaultError
      ? add.unstored
      : isUnknown
        ? errors.unconfirmed_claim
        : isSynced(trouble)
          ? app.words.later.passkey.synced
          : null
  if (own === null) return <Trouble app={app} error={trouble} />
  return (
    <div role="alert">
      <p class="note bad">{own}</p>
    </div>
  )
}

/** How this browser is called in the list of devices, and what it cannot have. */
export function NameField({
  app,
  enrolling: { name, setName, standing },
}: ScreenProps & { readonly enrolling: Pick<Enrolling, 'name' | 'setName' | 'standing'> }) {
  const { add } = app.words.texts
  return (
    <>
      <Field label={add.device} hint={add.deviceHint}>
        {(attributes) => (
          <input
            {...attributes}
            value={name}
            maxLength={64}
            required
            onInput={({ currentTarget }) => setName(currentTarget.value)}
          />
        )}
      </Field>
      {standing === 'impossible' && <p class="soft small">{app.words.later.passkey.impossible}</p>}
    </>
  )
}
