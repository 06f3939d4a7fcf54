// The texts of the portal beyond its devices, in Dutch; part of nl.ts.

import { activitiesNl } from './activities-nl.ts'
import type { Translation } from './translation.ts'

export const portalTexts: Translation['portal'] = {
  back: 'Terug naar je apparaten',
  places: {
    title: 'Meer',
    phones: 'Een telefoon toevoegen',
    signIns: 'Aanmeldingen',
    activities: 'Alles wat er is gebeurd',
    notifications: 'Meldingen en pauze',
    codes: 'Herstelcodes',
    data: 'Mijn gegevens',
  },
  limited:
    'Je hebt je met een apparaat aangemeld. Daarmee kun je kijken, en apparaten blokkeren of ' +
    'afmelden. Vraag je organisatie om een link voor al het andere.',
  entrance: {
    title: 'Aanmelden bij je apparaten',
    about:
      'Voor gebruikers van {tenant}. Keur het goed op een van je apparaten: dan kun je je ' +
      'apparaten en aanmeldingen zien, en een apparaat blokkeren of afmelden.',
    name: 'Gebruikersnaam',
    go: 'Vraag het mijn apparaten',
    needs:
      'Een apparaat wordt gevraagd als je het een dag hebt en het bevestigt met je gezicht, ' +
      'vinger of pincode. Vraag anders, en voor al het andere, {tenant} om een link.',
    action: 'Je apparaten bekijken en afmelden in een browser',
    waiting: 'Keur het goed op je apparaat',
    waitingWhat: 'Open de app op je apparaat en typ daar dit getal:',
    until: 'Deze pagina wacht tot {time} en werkt zichzelf bij.',
    noAnswer: 'Komt er niets? Open zelf de app. Deze pagina zegt niet of de naam klopt.',
    again: 'Opnieuw beginnen',
    approved: 'Het is goedgekeurd',
    enter: 'Verder naar je apparaten',
    over: 'Het is niet op tijd goedgekeurd',
    overWhat: 'Begin opnieuw, of vraag je organisatie om een link.',
  },
  wasNotMe: 'Dit was ik niet',
  older: 'Oudere',
  none: 'Er is nog niets.',
  newest: {
    title: 'Ben jij dit?',
    about: 'De nieuwste aanmelding die aan jou is gevraagd:',
  },
  signIns: {
    title: 'Aanmeldingen',
    about: 'Wat de toepassing die je hierheen stuurde je heeft gevraagd goed te keuren.',
    application: 'Voor',
    action: 'Wat',
    location: 'Waar',
    ip: 'Netwerkadres',
    userAgent: 'Browser',
    payment: 'Betaling',
    payee: 'Aan',
    when: 'Wanneer',
    outcome: 'Uitkomst',
    device: 'Apparaat',
    statuses: {
      pending: 'Wacht op een antwoord',
      approved: 'Goedgekeurd',
      denied: 'Niet goedgekeurd',
      expired: 'Niemand antwoordde op tijd',
      cancelled: 'Afgeblazen',
    },
  },
  activities: {
    title: 'Alles wat er is gebeurd',
    about: 'Wat hier met je account is gedaan, en wat toepassingen daarover zeggen.',
    by: 'Door',
    claim: '{name} zegt:',
    actors: {
      device: 'een van je apparaten',
      portal: 'jij, op deze pagina’s',
      api_key: 'een toepassing van je organisatie',
      integration: 'een toepassing van je organisatie',
      operator: 'je organisatie',
      service: 'deze dienst',
    },
    types: activitiesNl,
  },
  report: {
    title: 'Was jij dit niet?',
    what:
      'Als je het meldt, wordt afgeblazen wat nog wacht, worden aanmeldingen met push een tijdje ' +
      'vergrendeld, en zoekt je organisatie het uit. Met een code kun je je nog aanmelden.',
    go: 'Melden dat ik dit niet was',
    stay: 'Ik was het wel: ga terug',
    done: 'Het is gemeld',
    next:
      'Je organisatie ziet de melding. Verander je wachtwoord op een apparaat dat je vertrouwt, ' +
      'en meld elk apparaat af dat niet van jou is.',
  },
  settings: {
    title: 'Instellingen van {name}',
    link: '{name} hernoemen, blokkeren of testen',
    suspendLink: '{name} blokkeren',
    name: 'Naam',
    rename: 'De naam bewaren',
    suspendTitle: 'Blokkeren',
    suspendWhat:
      'Tot je organisatie het weer actief maakt, kan het niets goedkeuren, en antwoorden die al ' +
      'onderweg zijn worden geweigerd. Er wordt niets op gevraagd. Meld het af als het niet ' +
      'terugkomt.',
    suspend: 'Dit apparaat blokkeren',
    suspended:
      'Het is geblokkeerd: het kan niets goedkeuren. Vraag de helpdesk van je organisatie om het ' +
      'weer actief te maken.',
    testTitle: 'De meldingen testen',
    test: 'Een testmelding versturen',
    lastTest: 'De laatste test, om {time}: {status}',
    tests: {
      queued: 'wordt verstuurd',
      sent: 'is verstuurd; kijk op het apparaat',
      failed: 'kon niet worden verstuurd',
      suppressed: 'is tegengehouden',
    },
    advice: {
      enable_notifications: 'Sta de app toe om meldingen te sturen, bij de instellingen.',
      token_stale: 'Open de app een keer: die schrijft zich dan weer in voor meldingen.',
      provider_down: 'De pushdienst neemt nu geen berichten aan. Wacht een tijdje.',
      never_received: 'Er komt niets aan. Zet batterijbesparing voor de app uit, en open die.',
      clock_off: 'Laat het apparaat zelf zijn klok gelijkzetten.',
    },
  },
  stepUp: {
    title: 'Eerst een code',
    what:
      'Een code laat zien dat jij het bent: uit de app, een van je herstelcodes, of een van de ' +
      'helpdesk. Of open een nieuwe link, en kom hier binnen vijf minuten terug.',
    code: 'Code',
    go: 'Ga door',
  },
  phones: {
    title: 'Een telefoon toevoegen',
    what: 'Installeer eerst de app van je organisatie op de nieuwe telefoon.',
    replaces: 'Welk apparaat vervangt hij?',
    keep: 'Geen: ik houd ze allemaal',
    go: 'De code laten zien',
    scan: 'Scan deze code',
    scanWhat:
      'Open de app op de nieuwe telefoon, kies om een account toe te voegen, en scan dit. De ' +
      'code werkt één keer, tot {time}.',
    picture: 'QR-code',
    typed: 'Of typ daar deze code, met je gebruikersnaam:',
    next: 'Ik heb hem gescand of getypt',
    waiting: 'Wachten op de telefoon',
    waitingWhat: 'Deze pagina werkt zichzelf bij.',
    number: 'Typ dit getal op de telefoon',
    numberWhat: 'De telefoon vraagt erom. Laat het aan niemand zien.',
    done: 'De telefoon is toegevoegd',
    doneWhat: 'Vanaf nu kan hij je aanmeldingen goedkeuren. Probeer het bij de volgende.',
    over: 'De code is niet meer geldig',
    overWhat: 'Er is geen telefoon mee toegevoegd. Begin opnieuw als je dat nog wilt.',
    again: 'Opnieuw beginnen',
    cancel: 'Annuleren',
  },
  notifications: {
    title: 'Meldingen en pauze',
    categories: {
      security: 'Veiligheid: vergrendelingen, meldingen van jou, verkeerde getallen',
      devices: 'Apparaten die komen, gaan of veranderen',
      sign_in: 'Aanmeldingen',
      relying_party: 'Wat toepassingen je vertellen',
    },
    channels: {
      push: 'Meteen melden',
      in_app: 'Alleen in de app laten zien',
      off: 'Niet laten zien',
    },
    save: 'Bewaren',
    pauseTitle: 'Alle meldingen pauzeren',
    pauseWhat: 'Aanmeldingen wachten dan in de app: open die om te antwoorden.',
    pausedUntil: 'Meldingen zijn gepauzeerd tot {time}.',
    resume: 'Meldingen hervatten',
    hours: { one: '{hours} uur pauzeren', other: '{hours} uur pauzeren' },
    days: { one: '{days} dag pauzeren', other: '{days} dagen pauzeren' },
  },
  codes: {
    title: 'Herstelcodes',
    what: 'Met elk kun je je één keer aanmelden zonder apparaat. Bewaar ze op papier.',
    left: { one: 'Je hebt {left} ongebruikte code.', other: 'Je hebt {left} ongebruikte codes.' },
    makes: 'Nieuwe codes maken de vorige ongeldig.',
    go: 'Nieuwe codes maken',
    made: 'Je nieuwe herstelcodes',
    once: 'Je ziet ze alleen deze keer. Print ze of schrijf ze op voordat je verdergaat.',
    copy: 'Kopiëren',
    print: 'Printen',
    kept: 'Ik heb ze bewaard',
    changed: 'Er zijn intussen nieuwere codes gemaakt',
    changedWhat:
      'Misschien is er twee keer gedrukt. Heb je ze niet gezien, maak dan nog eens nieuwe.',
    again: 'Naar de codes',
  },
  data: {
    title: 'Mijn gegevens',
    copy: 'Een kopie',
    copyWhat: 'Alles wat hier over je is opgeslagen, als bestand (JSON).',
    download: 'Downloaden',
    erasure: 'Wissen',
    erasureWhat:
      'Je kunt vragen om te worden gewist. Je organisatie beslist erover; er wordt niet meteen ' +
      'iets gewist, en tot dan kun je je blijven aanmelden.',
    ask: 'Vragen om te worden gewist',
    asked: 'Je verzoek is vastgelegd',
    askedWhat: 'Je vroeg het om {time}. Je organisatie neemt er contact met je over op.',
  },
}
