import { useState } from 'preact/hooks'
import { DeviceApiError } from '../../../clients/device/src/device.ts'
import { fill } from '../../../src/platform/texts/fill.ts'
import type { Member } from '../member.ts'
import { isolate } from '../words.ts'
import { NumberField } from './number-field.tsx'
import { Filled, Heading, Trouble } from './parts.tsx'
import { type ScreenProps, useAction } from './use.ts'

/** Codes that say that this enrollment cannot be completed any more. */
const overCodes = ['enrollment_not_claimed', 'enrollment_expired', 'device_unregistered']

/** The number of the page makes the browser a device; until then it gets no requests. */
export function ConfirmScreen({ app, member }: ScreenProps & { readonly member: Member }) {
  const { confirm, request } = app.words.texts
  const { account } = member
  const [number, setNumber] = useState('')
  const [fault, setFault] = useState<string | null>(null)
  const { isBusy, trouble, begin, fail } = useAction()
  const digits = account.confirmationDigits ?? 6
  const isOver = trouble instanceof DeviceApiError && overCodes.includes(trouble.code)
  const submit = (event: Event) => {
    event.preventDefault()
    setFault(null)
    begin(async () => {
      try {
        await member.client.confirm(number)
      } catch (error) {
        const text = faultOf(error)
        if (text === null) throw error
        setNumber('')
        return setFault(text)
      }
      app.say(fill(confirm.added, { user: isolate(account.user.displayName) }))
      app.home()
      await app.check()
    })
  }
  const faultOf = (error: unknown): string | null => {
    if (error instanceof RangeError) return app.words.count(request.length, digits)
    if (!(error instanceof DeviceApiError) || error.code !== 'wrong_number') return null
    const tries = Number(error.facts.wrongNumbersLeft ?? 0)
    if (tries > 0) return app.words.count(request.wrong, tries)
    fail(new DeviceApiError('enrollment_not_claimed', 409, 'no tries are left'))
    return app.words.texts.errors.enrollment_not_claimed
  }
  const leave = () =>
    begin(async () => {
      await member.client.unregister().catch(() => undefined)
      await app.forget(member)
    })
  return (
    <form onSubmit={submit}>
      <Heading>{confirm.title}</Heading>
      <p>
        <Filled
          text={confirm.joins}
          values={{ tenant: account.tenant.name, user: account.user.displayName }}
        />
      </p>
      <p>{confirm.how}</p>
      <NumberField
        app={app}
        label={confirm.number}
        digits={digits}
        value={number}
        fault={fault}
        onInput={setNumber}
      />
      <Trouble app={app} error={fault === null ? trouble : null} />
      {!app.isPersisted && <p class="soft small">{confirm.evictable}</p>}
      <div class="row">
        <button type="submit" disabled={isBusy || isOver}>
          {confirm.go}
        </button>
        <button type="button" class="quiet" onClick={leave}>
          {confirm.notMe}
        </button>
      </div>
    </form>
  )
}
