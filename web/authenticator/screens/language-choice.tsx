import { type Language, languages } from '../words.ts'
import { Field } from './parts.tsx'
import type { ScreenProps } from './use.ts'

/** The languages by their own names. */
export function LanguageChoice({ app }: ScreenProps) {
  const { settings } = app.words.texts
  const { language } = app.words
  return (
    <Field label={settings.language}>
      {(attributes) => (
        <select
          {...attributes}
          value={language}
          onChange={({ currentTarget }) => void app.speak(currentTarget.value as Language)}
        >
          {Object.entries(languages).map(([tag, { name }]) => (
            <option key={tag} value={tag} lang={tag}>
              {name}
            </option>
          ))}
        </select>
      )}
    </Field>
  )
}
