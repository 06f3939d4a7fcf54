import type { LaterTexts } from './later-texts.ts'

export const phoneNl: LaterTexts['phone'] = {
  title: 'Telefoon toevoegen of wisselen',
  what: 'Open op de nieuwe telefoon deze app of die van je organisatie, en voeg een account toe.',
  replaces: 'Welk apparaat vervangt hij?',
  replacesHint: 'Dat wordt verwijderd zodra de nieuwe telefoon is bevestigd.',
  thisOne: 'Deze browser',
  none: 'Geen: ik houd ze allemaal',
  go: 'De code tonen',
  scanTitle: 'Scan dit met de nieuwe telefoon',
  scanWhat: 'De code werkt één keer, tot {time}. Laat hem aan niemand anders zien.',
  picture: 'QR-code',
  typed: 'Of typ deze code daar, met je gebruikersnaam en de organisatie {tenant}:',
  waiting: 'Wachten op de nieuwe telefoon …',
  numberTitle: 'Typ dit getal op de nieuwe telefoon',
  numberWhat: 'Vraagt geen telefoon van jou erom? Sluit dit dan: iemand anders heeft de code.',
  addedTitle: 'De telefoon is toegevoegd',
  added: 'Hij keurt voortaan aanmeldingen van {user} goed.',
  movedTitle: 'De nieuwe telefoon heeft het overgenomen',
  moved: 'Hij keurt voortaan aanmeldingen van {user} goed, en deze browser niet meer.',
  overTitle: 'De code is niet meer geldig',
  over: 'Er is geen telefoon mee toegevoegd. Begin opnieuw als je dat nog wilt.',
}
