// From a code to an account: what the ways to bring a code share.

import { useEffect, useRef, useState } from 'preact/hooks'
import { DeviceApiError, type EnrollmentTicket } from '../../../clients/device/src/device.ts'
import type { App } from '../app.ts'
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
function drop(spare: NewPasskey | null): void {
  if (spare) void dropPasskey(spare.passkey).catch(() => undefined)
}

export function useEnrolling({ app }: ScreenProps): Enrolling {
  const [name, setName] = useState(proposedName)
  const [standing, setStanding] = useState<PasskeyStanding | null>(null)
  const [ticket, setTicket] = useState<EnrollmentTicket | null>(null)
  const [newPasskey, setNewPasskey] = useState<NewPasskey | null>(null)
  const spare = useRef<NewPasskey | null>(null)
  const action = useAction()
  useEffect(() => {
    void passkeyStanding().then(setStanding)
    return () => drop(spare.current)
  }, [])
  const browserName = name.trim() || proposedName()

  const claimWith = async (code: EnrollmentTicket, own: NewPasskey | null) => {
    const passkey = own?.passkey ?? null
    // This screen is left as soon as the account is there, and must not take back its passkey.
    if (own) spare.current = null
    const beginning = { ticket: code, name: browserName, passkey }
    const { account } = await app.add(beginning).catch((error: unknown) => {
      spare.current = newPasskey
      throw error
    })
    const { user, tenant } = account
    // Nothing depends on the name.
    if (own) void namePasskey(own, `${user.displayName} (${tenant.name})`).catch(() => undefined)
  }
  const add = (code: EnrollmentTicket) =>
    action.begin(async () => {
      if ((await passkeyStanding()) === 'impossible') return claimWith(code, null)
      setTicket(code)
    })
  const create = () =>
    action.begin(async () => {
      spare.current = await createPasskey(ticket?.user ?? browserName)
      setNewPasskey(spare.current)
    })
  const claim = ({ withPasskey }: { readonly withPasskey: boolean }) =>
    action.begin(async () => {
      if (!ticket) return
      await claimWith(ticket, withPasskey ? newPasskey : null).catch((error: unknown) => {
        if (!isAboutPasskey(error)) setTicket(null)
        if (isSynced(error)) {
          drop(spare.current)
          spare.current = null
          setNewPasskey(null)
        }
        throw error
      })
    })
  return { ...action, name, setName, standing, ticket, newPasskey, add, create, claim }
}

/** A text that says more about the code, or about a passkey, than there is for every screen. */
function ownText({ words }: App, { trouble, newPasskey }: Attempt): string | null {
  const { passkey } = words.later
  const { add, errors } = words.texts
  if (trouble instanceof VaultError) return add.unstored
  if (isSynced(trouble)) return passkey.synced
  const isUnknown = (trouble as { readonly outcomeUnknown?: boolean } | null)?.outcomeUnknown
  if (isUnknown) return errors.unconfirmed_claim
  const isRefused = trouble instanceof DOMException && trouble.name === 'NotAllowedError'
  return isRefused && newPasskey === null ? passkey.notSetUp : null
}

type Attempt = Pick<Enrolling, 'trouble' | 'newPasskey'>

/** What went wrong, and what became of the code. */
export function EnrollTrouble({ app, enrolling }: ScreenProps & { readonly enrolling: Attempt }) {
  const text = ownText(app, enrolling)
  if (text === null) return <Trouble app={app} error={enrolling.trouble} />
  return (
    <div role="alert">
      <p class="note bad">{text}</p>
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
