import { useState } from 'preact/hooks'
import { addOtherCode, type OtherCode, otherCodes, removeOtherCode } from '../other-codes.ts'
import { type OtherSecret, plainLabel, readOtpauth, readSecret } from '../otpauth.ts'
import { codeAt } from '../passcode.ts'
import { Camera } from './camera.tsx'
import { CodeCard } from './code-card.tsx'
import { Field, Note, Sheet, Trouble } from './parts.tsx'
import { type ScreenProps, useAction, useLoading } from './use.ts'

type Changing = ScreenProps & { readonly onChange: () => void }

function Card({ app, code, onChange }: Changing & { readonly code: OtherCode }) {
  const { otherCodes: others, codes, cancel } = app.words.texts
  const [isAsking, setAsking] = useState(false)
  const { isBusy, trouble, begin } = useAction()
  const remove = () =>
    begin(async () => {
      await removeOtherCode(code.id)
      onChange()
    })
  // The time of a service that is asked anyway is better than that of this machine.
  const [member] = app.members
  const now = () => (member ? member.now() : Date.now())
  const label = [code.issuer, code.name].filter((text) => text !== '').join(' · ')
  return (
    <CodeCard
      app={app}
      title={<bdi>{label || codes.title}</bdi>}
      source={{ form: code, now, read: (nowMs) => codeAt(code.key, code, nowMs) }}
    >
      <button type="button" class="quiet" onClick={() => setAsking(true)}>
        {others.remove}
      </button>
      {isAsking && (
        <Sheet title={others.removeTitle} onClose={() => setAsking(false)}>
          <p>
            <bdi>{label}</bdi>
          </p>
          <p>{others.removeWhat}</p>
          <Trouble app={app} error={trouble} />
          <div class="row">
            <button type="button" class="danger" disabled={isBusy} onClick={remove}>
              {others.remove}
            </button>
            <button type="button" class="quiet" onClick={() => setAsking(false)}>
              {cancel}
            </button>
          </div>
        </Sheet>
      )}
    </CodeCard>
  )
}

/** An address, or a bare secret with the usual form of codes. */
function readTyped(text: string, name: string): OtherSecret | null {
  const secret = readSecret(text)
  if (secret === null) return readOtpauth(text)
  return { issuer: '', name: plainLabel(name), secret, hash: 'SHA-1', digits: 6, period: 30 }
}

function AddForm({ app, onChange, onClose }: Changing & { readonly onClose: () => void }) {
  const { otherCodes: others, welcome, cancel } = app.words.texts
  const [text, setText] = useState('')
  const [name, setName] = useState('')
  const [fault, setFault] = useState<string | null>(null)
  const [isScanning, setScanning] = useState(false)
  const { isBusy, trouble, begin } = useAction()
  const add = (secret: OtherSecret | null) => {
    setFault(secret === null ? others.unreadable : null)
    if (secret === null) return
    begin(async () => {
      await addOtherCode(secret)
      onChange()
      onClose()
    })
  }
  const submit = (event: Event) => {
    event.preventDefault()
    add(readTyped(text, name))
  }
  return (
    <form class="card" onSubmit={submit}>
      <h2>{others.add}</h2>
      {isScanning ? (
        <Camera app={app} onText={(scan) => add(readOtpauth(scan))} />
      ) : (
        <p>
          <button type="button" class="quiet" onClick={() => setScanning(true)}>
            {welcome.scan}
          </button>
        </p>
      )}
      <Field label={others.key} hint={others.keyHint} fault={fault}>
        {(attributes) => (
          <input
            {...attributes}
            value={text}
            autoComplete="off"
            autoCapitalize="none"
            spellcheck={false}
            required
            onInput={({ currentTarget }) => setText(currentTarget.value)}
          />
        )}
      </Field>
      <Field label={others.name}>
        {(attributes) => (
          <input
            {...attributes}
            value={name}
            maxLength={64}
            onInput={({ currentTarget }) => setName(currentTarget.value)}
          />
        )}
      </Field>
      <Trouble app={app} error={trouble} />
      <div class="row">
        <button type="submit" disabled={isBusy}>
          {others.go}
        </button>
        <button type="button" class="quiet" onClick={onClose}>
          {cancel}
        </button>
      </div>
    </form>
  )
}

/** Codes of other services: kept by this browser alone, and lost with it. */
export function OtherCodes({ app }: ScreenProps) {
  const { otherCodes: others } = app.words.texts
  const [isAdding, setAdding] = useState(false)
  const { value = [], trouble, again } = useLoading(otherCodes, 'other codes')
  return (
    <section>
      <Trouble app={app} error={trouble} />
      {value.length > 0 && (
        <>
          <h2>{others.title}</h2>
          <ul class="cards">
            {value.map((code) => (
              <Card key={code.id} app={app} code={code} onChange={again} />
            ))}
          </ul>
          <Note>{others.kept}</Note>
        </>
      )}
      {isAdding ? (
        <AddForm app={app} onChange={again} onClose={() => setAdding(false)} />
      ) : (
        <button type="button" class="quiet" onClick={() => setAdding(true)}>
          {others.add}
        </button>
      )}
    </section>
  )
}
