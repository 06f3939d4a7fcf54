import type { AuthenticatorTexts } from './texts.ts'

export const otherCodesNl: AuthenticatorTexts['otherCodes'] = {
  title: 'Codes van andere diensten',
  kept:
    'Ze staan alleen in deze browser. Raakt hij ze kwijt, dan moeten die diensten je opnieuw ' +
    'toelaten.',
  add: 'Een code van een andere dienst toevoegen',
  key: 'Instelsleutel',
  keyHint: 'Letters en cijfers die de dienst laat zien, of een adres dat begint met otpauth://.',
  name: 'Naam van de dienst en het account',
  go: 'Toevoegen',
  unreadable: 'Dat is geen sleutel voor codes die met de tijd veranderen.',
  remove: 'Verwijderen',
  removeTitle: 'Deze code verwijderen?',
  removeWhat: 'Deze browser vergeet de sleutel. Zet de codes eerst uit bij de dienst.',
}
