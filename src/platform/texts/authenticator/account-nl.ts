import type { LaterTexts } from './later-texts.ts'

export const accountNl: LaterTexts['account'] = {
  title: '{user} bij {tenant}',
  mayAnswer: 'Kan aanmeldingen goedkeuren.',
  whyNot: {
    unconfirmed: 'Wacht op zijn getal.',
    suspended: 'Deze browser is geblokkeerd.',
    user_suspended: 'Je organisatie heeft je aanmeldingen stopgezet.',
    push_locked: 'Aanmelden per telefoon is geblokkeerd.',
    app_too_old: 'Deze app is te oud voor je organisatie. Laad hem opnieuw.',
    platform_retired: 'Je organisatie accepteert geen browsers meer.',
    protocol_too_old: 'Deze app is te oud voor je organisatie. Laad hem opnieuw.',
    companion: 'Hoort bij een ander apparaat.',
    no_verification_key: 'Je organisatie vraagt om vingerafdruk, gezicht of pincode.',
    passkey_synced:
      'Je passkey wordt met andere apparaten gedeeld; je organisatie staat dat niet toe.',
    unknown: 'Kan op dit moment geen aanmeldingen goedkeuren.',
  },
  devices: 'Je apparaten',
  thisOne: 'Deze browser',
  lastUsed: 'Laatst gebruikt',
  never: 'Nog niet',
  statuses: {
    unconfirmed: 'Nog niet bevestigd',
    active: 'Kan aanmeldingen goedkeuren',
    suspended: 'Geblokkeerd',
    unregistered: 'Verwijderd',
  },
  lostPhone: 'Een apparaat kwijt?',
  lostWhat:
    'Verwijder het met een andere telefoon die om je vingerafdruk of pincode vraagt, op de ' +
    'pagina van je apparaten, of via je helpdesk.',
  noPasskey:
    'Deze browser heeft geen passkey en kan dus geen verloren telefoon verwijderen of een nieuwe ' +
    'toevoegen, en geen meldingen wijzigen of pauzeren. Verwijder dit account en voeg het met ' +
    'een nieuwe code opnieuw toe om er een in te stellen.',
  lost: {
    button: 'Kwijt of gestolen: verwijderen',
    title: '{device} verwijderen?',
    what: {
      approve: 'Het keurt niets meer goed; antwoorden die onderweg zijn worden geweigerd.',
      codes: 'Codes die het voor een andere telefoon opende, worden ongeldig.',
      companions: 'Een horloge dat erbij hoort, stopt ook.',
      back: 'Het kan niet ongedaan worden gemaakt: om terug te komen is een nieuwe code nodig.',
    },
    go: 'Verwijderen',
    done: '{device} is verwijderd.',
  },
  addPhone: 'Telefoon toevoegen of wisselen',
  notifications: 'Meldingen',
  pausedUntil: 'Gepauzeerd tot {time}.',
  notPaused: 'Niet gepauzeerd.',
  categories: {
    security: 'Veiligheid',
    devices: 'Apparaten',
    sign_in: 'Aanmeldingen',
    relying_party: 'Berichten van toepassingen',
  },
  ways: { push: 'Melding', in_app: 'In de app', off: 'Uit' },
  save: 'Opslaan',
  saved: 'Opgeslagen.',
  pause: {
    label: 'Alle meldingen pauzeren',
    what: 'Verzoeken wachten dan in de app: open hem om te antwoorden.',
    lengths: {
      hour: 'Een uur',
      workday: '8 uur',
      day: 'Een dag',
      week: 'Een week',
    },
    go: 'Pauzeren',
    resume: 'De pauze beëindigen',
  },
  pushes: 'Komen meldingen aan?',
  noPush: 'Er is er nog geen verzonden. Open zonder meldingen de app om verzoeken te zien.',
  pushStatuses: {
    queued: 'Wacht op verzending',
    sent: 'Verzonden',
    failed: 'Mislukt',
    suppressed: 'Tegengehouden',
  },
  remove: 'Dit account verwijderen',
  removeTitle: '{user} uit deze browser verwijderen?',
  removeWhat:
    'Deze browser vergeet zijn sleutels en kan niets meer goedkeuren. Om terug te komen heb je ' +
    'een nieuwe code nodig.',
  removeGo: 'Verwijderen',
  removeAnyway: 'Hier toch vergeten',
  removeUnsaid:
    'De dienst was niet bereikbaar en weet het dus nog niet. Verwijder deze browser ook elders ' +
    'uit je apparaten.',
}
