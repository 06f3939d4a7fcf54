import { useState } from 'preact/hooks'
import { plainTypedText } from '../../../clients/device/src/typed-text.ts'
import { readScan } from '../fragment.ts'
import { serviceOrigin } from '../service.ts'
import { Camera } from './camera.tsx'
import { EnrollTrouble, NameField, useEnrolling } from './enrolling.tsx'
import { Field, Heading, Note } from './parts.tsx'
import { PasskeyOffer } from './passkey-offer.tsx'
import type { ScreenProps } from './use.ts'

/** A code that an address brought along: nothing happens before the person asks for it. */
function LinkScreen({ app }: ScreenProps) {
  const { add, cancel } = app.words.texts
  const enrolling = useEnrolling({ app })
  const { scan } = app
  if (scan === null || typeof scan === 'string') {
    return (
      <>
        <Heading>{add.title}</Heading>
        <Note kind="bad">{scan === 'foreign' ? add.foreign : add.unreadable}</Note>
        <button type="button" onClick={() => app.home()}>
          {app.words.texts.back}
        </button>
      </>
    )
  }
  if (enrolling.ticket) return <PasskeyOffer app={app} enrolling={enrolling} />
  const submit = (event: Event) => {
    event.preventDefault()
    enrolling.add(scan)
  }
  return (
    <form onSubmit={submit}>
      <Heading>{add.title}</Heading>
      <Note kind="warn">{add.fromLink}</Note>
      <NameField app={app} enrolling={enrolling} />
      <EnrollTrouble app={app} enrolling={enrolling} />
      <div class="row">
        <button type="submit" disabled={enrolling.isBusy}>
          {enrolling.isBusy ? add.busy : add.useThis}
        </button>
        <button type="button" class="quiet" onClick={() => app.home()}>
          {cancel}
        </button>
      </div>
      <p class="soft small">{app.words.texts.welcome.sameBrowser}</p>
    </form>
  )
}

function ScanScreen({ app }: ScreenProps) {
  const { add, welcome, back } = app.words.texts
  const [fault, setFault] = useState<string | null>(null)
  const read = (text: string) => {
    const scan = readScan(text)
    if (typeof scan === 'string') setFault(scan === 'foreign' ? add.foreign : add.unreadable)
    else {
      app.scan = scan
      app.replace({ at: 'add', by: 'link' })
    }
  }
  return (
    <>
      <Heading>{add.scanTitle}</Heading>
      <p>{add.scanHow}</p>
      <Camera app={app} onText={read} />
      <div role="alert">{fault !== null && <p class="note bad">{fault}</p>}</div>
      <div class="row">
        <button type="button" class="quiet" onClick={() => app.replace({ at: 'add', by: 'type' })}>
          {welcome.type}
        </button>
        <button type="button" class="quiet" onClick={() => app.home()}>
          {back}
        </button>
      </div>
    </>
  )
}

type Typed = { readonly tenant: string; readonly user: string; readonly code: string }

/** The tenants that are known here: of a link, or of accounts. */
function knownTenant({ tenantId, members }: ScreenProps['app']): string {
  return tenantId ?? members[0]?.account.tenant.id ?? ''
}

function TypeScreen({ app }: ScreenProps) {
  const { add, back } = app.words.texts
  const enrolling = useEnrolling({ app })
  const [typed, setTyped] = useState<Typed>({ tenant: knownTenant(app), user: '', code: '' })
  const [fault, setFault] = useState<{ readonly of: keyof Typed; readonly text: string } | null>(
    null,
  )
  const change =
    (name: keyof Typed) =>
    ({ currentTarget }: { readonly currentTarget: HTMLInputElement }) => {
      setTyped({ ...typed, [name]: currentTarget.value })
      setFault(null)
    }
  const submit = (event: Event) => {
    event.preventDefault()
    const scan = readScan(typed.code)
    // An address was pasted in the place of the code.
    if (typeof scan !== 'string') return enrolling.add(scan)
    const tenantId = /tnt_[0-9a-z]{26}/.exec(typed.tenant)?.[0]
    if (!tenantId) return setFault({ of: 'tenant', text: add.tenantShape })
    if (plainTypedText(typed.code).length !== 10) {
      return setFault({ of: 'code', text: scan === 'foreign' ? add.foreign : add.codeShape })
    }
    const user = typed.user.trim()
    enrolling.add({ origin: serviceOrigin, tenantId, code: typed.code, user })
  }
  const faultOf = (name: keyof Typed) => (fault?.of === name ? fault.text : null)
  if (enrolling.ticket) return <PasskeyOffer app={app} enrolling={enrolling} />
  const plain = { autoCapitalize: 'none', spellcheck: false, required: true } as const
  return (
    <form onSubmit={submit}>
      <Heading>{add.typeTitle}</Heading>
      <Field label={add.tenant} hint={add.tenantHint} fault={faultOf('tenant')}>
        {(attributes) => (
          <input
            {...attributes}
            {...plain}
            autoComplete="off"
            value={typed.tenant}
            onInput={change('tenant')}
          />
        )}
      </Field>
      <Field label={add.user}>
        {(attributes) => (
          <input
            {...attributes}
            {...plain}
            autoComplete="username"
            value={typed.user}
            onInput={change('user')}
          />
        )}
      </Field>
      <Field label={add.code} hint={add.codeHint} fault={faultOf('code')}>
        {(attributes) => (
          <input
            {...attributes}
            {...plain}
            autoComplete="off"
            value={typed.code}
            onInput={change('code')}
          />
        )}
      </Field>
      <NameField app={app} enrolling={enrolling} />
      <EnrollTrouble app={app} enrolling={enrolling} />
      <div class="row">
        <button type="submit" disabled={enrolling.isBusy}>
          {enrolling.isBusy ? add.busy : add.go}
        </button>
        <button type="button" class="quiet" onClick={() => app.home()}>
          {back}
        </button>
      </div>
    </form>
  )
}

const ways = { link: LinkScreen, scan: ScanScreen, type: TypeScreen } as const

/** A new account, by a code that was scanned, typed, or in the address. */
export function AddScreen({ app, by }: ScreenProps & { readonly by: keyof typeof ways }) {
  const Way = ways[by]
  return <Way app={app} />
}
