// Problems as people read them in a browser, in Dutch; part of nl.ts.

import type { Translation } from './translation.ts'

export const problemPagesNl: Translation['problemPages'] = {
  portal_link_invalid: {
    title: 'Deze link werkt niet meer',
    what:
      'Een link werkt één keer, en vijftien minuten lang. Vraag een nieuwe link waar je deze ' +
      'hebt gekregen.',
  },
  portal_session_invalid: {
    title: 'Vraag om een nieuwe link',
    what:
      'Je bent hier niet aangemeld, of niet meer: dat duurt vijftien minuten. Vraag een ' +
      'nieuwe link waar je de vorige hebt gekregen.',
  },
  portal_step_up_needed: {
    title: 'Eerst een code',
    what:
      'Er is niets veranderd: er is te veel tijd voorbij. Ga terug naar je apparaten, kies het ' +
      'opnieuw, en typ daar een code.',
  },
  portal_link_needed: {
    title: 'Hiervoor is een link nodig',
    what:
      'Er is niets veranderd. Je hebt je met een apparaat aangemeld: daarmee kun je kijken, en ' +
      'apparaten blokkeren of afmelden. Vraag je organisatie om een link voor al het andere.',
  },
  portal_not_approved: {
    title: 'De aanmelding is niet goedgekeurd',
    what: 'Misschien is er te veel tijd voorbij, of werkte ze al: één keer. Begin opnieuw.',
  },
  origin_not_allowed: {
    title: 'Dit kwam niet van onze pagina',
    what:
      'Er is niets veranderd. Open je link opnieuw in een bijgewerkte browser en druk op de ' +
      'knop op de pagina zelf.',
  },
  not_found: {
    title: 'Hier is niets',
    what:
      'Controleer het adres: misschien is het afgebroken. Bracht een link je hier, vraag dan ' +
      'om een nieuwe.',
  },
  invalid_request: {
    title: 'Dat was niet te lezen',
    what: 'Er is niets veranderd. Ga terug, kies opnieuw en verstuur het nog eens.',
  },
  unavailable: {
    title: 'Op dit moment niet mogelijk',
    what:
      'Probeer het zo nog eens. Of de laatste stap is gezet, is niet bekend: kijk eerst naar ' +
      'je apparaten. Werkt de link dan niet, vraag dan om een nieuwe.',
  },
  busy: {
    title: 'Het is op dit moment te druk',
    what: 'Er is niets veranderd. Wacht even en probeer het nog eens.',
  },
  internal: {
    title: 'Er ging bij ons iets mis',
    what:
      'Probeer het zo nog eens. Gebeurt het weer, vertel dan de helpdesk van je organisatie ' +
      'wat hier staat:',
  },
}
