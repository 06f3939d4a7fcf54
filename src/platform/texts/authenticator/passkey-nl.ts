import type { LaterTexts } from './later-texts.ts'

export const passkeyNl: LaterTexts['passkey'] = {
  title: 'Goedkeuren met vingerafdruk, gezicht of pincode?',
  what:
    'Met een passkey vraagt deze browser bij elke goedkeuring om je vingerafdruk, je gezicht of ' +
    'een pincode. Die blijven op je apparaat.',
  without:
    'Zonder passkey kan deze browser geen aanmeldingen goedkeuren die daarom vragen, en geen ' +
    'verloren telefoon verwijderen. Later toevoegen kan niet.',
  external:
    'Op dit apparaat lijkt niets daarvan ingesteld. Een beveiligingssleutel met pincode, of je ' +
    'telefoon, werkt ook.',
  setUp: 'Een passkey instellen',
  skip: 'Overslaan',
  notSetUp:
    'Er is geen passkey ingesteld: dat is geannuleerd, duurde te lang, of kan hier niet. Probeer ' +
    'het opnieuw, of ga verder zonder.',
  useTitle: 'Gebruik hem nu één keer',
  useWhat: 'De passkey is er. Door hem één keer te gebruiken ziet je organisatie dat hij werkt.',
  use: 'De passkey gebruiken',
  goOnWithout: 'Verder zonder passkey',
  synced:
    'Je organisatie accepteert geen passkeys die naar je andere apparaten worden gekopieerd. ' +
    'Stel er een in op een beveiligingssleutel, of ga verder zonder.',
  impossible:
    'Op dit adres kan deze browser geen passkey hebben, dus keurt hij geen aanmeldingen goed die ' +
    'om vingerafdruk, gezicht of pincode vragen.',
}
