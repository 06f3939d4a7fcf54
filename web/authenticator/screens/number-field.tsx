import { Field } from './parts.tsx'
import type { ScreenProps } from './use.ts'

/** One field for all digits: pasted, dictated and typed numbers of any script and spacing. */
export function NumberField({
  app,
  label,
  digits,
  value,
  fault,
  onInput,
}: ScreenProps & {
  readonly label: string
  readonly digits: number
  readonly value: string
  readonly fault: string | null
  readonly onInput: (text: string) => void
}) {
  const hint = app.words.count(app.words.texts.request.digits, digits)
  return (
    <>
      <Field label={label} hint={hint} fault={fault}>
        {(attributes) => (
          <input
            {...attributes}
            class="number"
            inputMode="numeric"
            autoComplete="off"
            value={value}
            onInput={({ currentTarget }) => onInput(currentTarget.value)}
          />
        )}
      </Field>
      <div role="alert" class="heard">
        {fault}
      </div>
    </>
  )
}
