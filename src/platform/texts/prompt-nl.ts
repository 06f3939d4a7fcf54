// The texts of hosted prompts, in Dutch; part of nl.ts.

import type { Translation } from './translation.ts'

export const promptTexts: Translation['prompt'] = {
  goingBack: {
    title: 'Een ogenblik',
    go: 'Doorgaan',
  },
  title: 'Bevestig dat jij het bent',
  about: '{tenant} vraagt of jij het bent die zich aanmeldt bij {application}.',
  ready: 'Druk op de knop en antwoord op je telefoon. Eerder wordt er niets gevraagd.',
  ask: 'Vraag mijn telefoon',
  type: 'Open de app op je telefoon en typ daar dit nummer:',
  waiting: 'We wachten op je telefoon.',
  fetched: {
    one: 'Je telefoon heeft het. Er is nog {tries} poging over.',
    other: 'Je telefoon heeft het. Er zijn nog {tries} pogingen over.',
  },
  left: 'Resterende tijd: {time}',
  until: 'tot {time}',
  minuteLeft: 'Nog een minuut',
  secondsLeft: 'Nog 15 seconden',
  roundOver: 'De tijd voor dit nummer is voorbij. Je kunt nog één nieuw nummer krijgen.',
  more: 'Toon een nieuw nummer',
  askAgain: 'Vraag het opnieuw',
  again: 'Stuur het opnieuw',
  sentAgain:
    'Als het je telefoon al enkele seconden geleden of langer is gevraagd, wordt het opnieuw ' +
    'gevraagd.',
  person: 'Persoon',
  notYou: 'Ben jij dit niet? Ga terug',
  place: 'Vanaf',
  browser: 'Browser',
  browserOn: '{browser} op {system}',
  notHere: {
    title: 'Ik heb mijn telefoon niet bij me',
    what:
      'Typ een code uit de app, die geen netwerk nodig heeft, of een andere code die je hebt. ' +
      'Heb je er geen, vraag het dan de helpdesk van je organisatie.',
    nothing: 'Komt er niets aan? Open zelf de app. Het wordt op al je apparaten gevraagd.',
    go: 'Typ een code',
  },
  code: {
    title: 'Typ een code',
    label: 'Code',
    what: 'Uit de app op een van je apparaten: 6 tot 8 cijfers.',
    whatElse: 'Of een herstelcode, of een code van de helpdesk.',
    go: 'Bevestigen',
    back: 'Terug naar het nummer',
    faults: {
      passcode_wrong:
        'Deze code telt niet. Controleer hem, wacht op de volgende of ga terug naar het nummer.',
      passcode_used: 'Deze code is al gebruikt. Wacht op de volgende.',
      passcode_expired: 'Deze code is te oud. Vraag de helpdesk om een nieuwe.',
      passcode_clock_off:
        'Deze code was enkele minuten geleden goed. Laat je telefoon de klok zelf instellen.',
    },
  },
  enroll: {
    notHereOrNone: 'Ik heb mijn telefoon niet bij me, of ik heb er nog geen',
    title: 'Een eerste apparaat toevoegen',
    what:
      'Voor wie hier nooit een apparaat of herstelcodes had. De helpdesk van je organisatie ' +
      'geeft je er een code voor, als die weet dat jij het bent.',
    label: 'Code van de helpdesk',
    empty: 'Laat dit leeg als je te horen kreeg dat je er geen nodig hebt.',
    go: 'Doorgaan',
    refused:
      'Dit is niet mogelijk: de code telt niet, of je kunt zo geen apparaat toevoegen. Vraag het ' +
      'de helpdesk van je organisatie.',
    over:
      'Er is geen apparaat toegevoegd: de code is niet op tijd gebruikt, of het getal was ' +
      'verkeerd.',
    done: 'Er is nog niets goedgekeurd. Bevestig er nu mee dat jij het bent die zich aanmeldt.',
  },
  cancel: 'Annuleren',
  back: 'Terug naar {application}',
  closed:
    'Deze aanmelding is al afgerond. Sluit deze pagina of begin opnieuw waar je vandaan kwam.',
  language: 'Nederlands',
  ends: {
    approved: {
      title: 'Bevestigd',
      what: 'Je gaat terug naar {application}.',
    },
    denied: {
      title: 'Het is niet goedgekeurd',
      what: 'Je hebt op je telefoon nee gezegd, of het nummer was te vaak verkeerd.',
    },
    reported: {
      title: 'Je organisatie is ingelicht',
      what:
        'Er is gemeld dat jij dit niet was. Wijzig je wachtwoord vanaf een apparaat dat je ' +
        'vertrouwt.',
    },
    expired: {
      title: 'Er is niet op tijd geantwoord',
      what: 'Er is niets goedgekeurd. Ga terug en begin opnieuw.',
    },
    cancelled: {
      title: 'Het is geannuleerd',
      what: 'Er is niets goedgekeurd.',
    },
    code_not_allowed: {
      title: 'Niet met zo’n code',
      what:
        '{application} accepteert geen herstelcodes en geen codes van de helpdesk. Er is geen ' +
        'code verbruikt. Ga terug en begin opnieuw met je telefoon of een code uit de app.',
    },
    unavailable: {
      title: 'Op dit moment niet mogelijk',
      what: 'Er is niets goedgekeurd. Ga terug en probeer het later opnieuw.',
    },
  },
}
