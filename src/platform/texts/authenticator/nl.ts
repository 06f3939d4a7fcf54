import { activitiesNl } from '../activities-nl.ts'
import { otherCodesNl } from './other-codes-nl.ts'
import type { AuthenticatorTexts } from './texts.ts'

export const authenticatorNl: AuthenticatorTexts = {
  locale: 'nl-NL',
  direction: 'ltr',
  name: 'Countersign',
  skip: 'Naar de inhoud',
  loading: 'Laden …',
  back: 'Terug',
  close: 'Sluiten',
  cancel: 'Annuleren',
  retry: 'Opnieuw proberen',
  tabs: {
    label: 'App',
    requests: 'Verzoeken',
    codes: 'Codes',
    activity: 'Activiteit',
    more: 'Instellen',
  },
  welcome: {
    title: 'Keur aanmeldingen goed in deze browser',
    what:
      'Als je je bij je organisatie aanmeldt, vraagt deze app of jij het echt bent. Je typt het ' +
      'getal dat op de aanmeldpagina staat.',
    begin: 'Om te beginnen heb je de code nodig die je organisatie je laat zien.',
    scan: 'Een QR-code scannen',
    type: 'Een code typen',
    sameBrowser:
      'Gebruik als het kan een ander apparaat dan waarmee je je aanmeldt: in één browser ben je ' +
      'beide tegelijk kwijt.',
    unstored:
      'Deze browser slaat niets op en kan dus geen sleutels bewaren. Dat kan komen door een ' +
      'privévenster, een volle schijf of een instelling.',
    insecure:
      'Deze pagina is niet via https geopend, dus de browser geeft haar geen sleutels. Vraag je ' +
      'organisatie om het https-adres.',
  },
  install: {
    title: 'Zet deze app op je beginscherm',
    why: 'Dan opent ze apart, en bewaart de browser haar sleutels langer.',
    button: 'Installeren',
    ios: 'Druk in Safari op Deel en dan op “Zet op beginscherm”.',
    others: 'Kies in het menu van je browser “Installeren” of “Toevoegen aan startscherm”.',
  },
  lost: {
    title: 'De sleutels van deze app zijn weg',
    what:
      'De browser heeft verwijderd wat de app had opgeslagen, of het is gewist. Dat is als een ' +
      'verloren telefoon: met de oude sleutels kan hier niemand meer goedkeuren.',
    next:
      'Voeg je account opnieuw toe. Verwijder daarna de oude vermelding van deze browser uit je ' +
      'apparaten.',
    begin: 'Een account opnieuw toevoegen',
  },
  add: {
    title: 'Een account toevoegen',
    fromLink:
      'Een link wil een account aan deze browser toevoegen. Ga alleen verder als je daar net om ' +
      'vroeg.',
    useThis: 'Deze browser gebruiken',
    scanTitle: 'Scan de QR-code',
    scanHow: 'Richt de camera op de code op de pagina van je organisatie.',
    camera: 'Beeld van de camera',
    noCamera:
      'De camera kan niet worden gebruikt. Sta haar toe in de instellingen van de browser, of ' +
      'typ de code.',
    typeTitle: 'Typ de code',
    tenant: 'Organisatie',
    tenantHint: 'Begint met tnt_ en staat bij de code.',
    user: 'Gebruikersnaam',
    code: 'Code',
    codeHint: '10 tekens, naast de QR-code. Streepjes en hoofdletters maken niet uit.',
    device: 'Naam van deze browser',
    deviceHint: 'Zodat je hem herkent in de lijst van je apparaten.',
    go: 'Verder',
    busy: 'Sleutels worden gemaakt …',
    foreign: 'Deze code hoort bij een andere server. Open de app van die server.',
    unreadable: 'Dat is geen code voor deze app.',
    codeShape: 'De code heeft 10 tekens.',
    tenantShape: 'Dat is geen id van een organisatie.',
    unstored:
      'Deze browser slaat niets op en kan dus geen sleutels bewaren. De code is niet verbruikt.',
  },
  confirm: {
    title: 'Ben jij dit?',
    joins: 'Je komt bij {tenant} als {user}.',
    how: 'Typ het getal dat de pagina van je organisatie nu laat zien.',
    number: 'Getal',
    go: 'Bevestigen',
    notMe: 'Ik niet, stop',
    added: 'Deze browser keurt voortaan aanmeldingen van {user} goed.',
    evictable:
      'Deze browser kan de sleutels verwijderen als hij ruimte nodig heeft. Installeer de app om ' +
      'de kans daarop te verkleinen.',
  },
  requests: {
    title: 'Verzoeken',
    none: 'Er wacht niets.',
    checkedAt: 'Nagekeken om {time}.',
    check: 'Nu nakijken',
    asks: '{party} vraagt: ben jij dit?',
    open: 'Bekijken',
    refused: {
      one: '{count} verzoek kon niet worden gecontroleerd en wordt niet getoond.',
      other: '{count} verzoeken konden niet worden gecontroleerd en worden niet getoond.',
    },
    offline: 'Je bent offline. Meld je aan met een code.',
    toCodes: 'Codes tonen',
    since: 'Wat je ziet is van {time}.',
    unconfirmed: 'Dit account wacht op zijn getal.',
    toConfirm: 'Het getal typen',
    ended: 'Een account is uit deze browser verwijderd.',
    toEnded: 'Wat nu?',
  },
  request: {
    title: '{party} vraagt: ben jij dit?',
    says: '{party} zegt:',
    application: 'Toepassing',
    action: 'Handeling',
    amount: 'Bedrag',
    payee: 'Aan',
    location: 'Plaats',
    ip: 'Netwerkadres',
    userAgent: 'Browser',
    askedAt: 'Gevraagd om',
    account: 'Account',
    sameBrowser:
      'Deze aanmelding begon in een browser als deze. Is het deze, dan heeft een dief die hem ' +
      'overneemt beide: gebruik een ander apparaat waar het erop aankomt.',
    left: 'nog {time}',
    leftSoon: 'Nog {seconds} seconden',
    number: 'Getal op de aanmeldpagina',
    digits: { one: '{count} cijfer', other: '{count} cijfers' },
    approve: 'Goedkeuren',
    deny: 'Weigeren',
    notMe: 'Dit was ik niet',
    needsPasskey:
      'Deze aanmelding moet worden goedgekeurd met vingerafdruk, gezicht of pincode, en daar is ' +
      'deze browser niet voor ingesteld. Gebruik een ander apparaat van jou.',
    wrong: {
      one: 'Dat is niet het getal. Je kunt het nog {count} keer proberen.',
      other: 'Dat is niet het getal. Je kunt het nog {count} keer proberen.',
    },
    length: { one: 'Het getal heeft {count} cijfer.', other: 'Het getal heeft {count} cijfers.' },
    sending: 'Versturen …',
  },
  report: {
    title: 'Deze aanmelding melden?',
    what: {
      deny: 'De aanmelding wordt geweigerd.',
      lock: 'Meldingen aan jou worden geblokkeerd, zodat niemand je met verzoeken kan overspoelen.',
      desk: 'Je organisatie krijgt een melding.',
    },
    go: 'Melden',
  },
  ending: {
    approved: 'Goedgekeurd',
    approvedWhat: 'Je kunt terug naar {party}.',
    denied: 'Geweigerd',
    deniedWhat: 'Er is niemand aangemeld.',
    reported: 'Gemeld',
    reportedWhat:
      'Je organisatie heeft de melding. Wijzig je wachtwoord op een apparaat dat je vertrouwt.',
    closed: 'Al beantwoord',
    closedWhat: 'Dit verzoek is elders beantwoord, of ingetrokken.',
    expired: 'Te laat',
    expiredWhat: 'Begin de aanmelding opnieuw.',
    mismatch: 'Geweigerd: te vaak een verkeerd getal',
    mismatchWhat: 'Ben je deze aanmelding niet begonnen? Bel dan je helpdesk.',
    returnTo: 'Naar {host}',
    done: 'Klaar',
  },
  codes: {
    title: 'Codes',
    what:
      'Een aanmeldpagina die om een code vraagt, accepteert er een van deze, ook zonder ' +
      'netwerk.',
    none: 'Je organisatie staat geen codes toe, of er is nog geen account.',
    of: 'Code van {user} bij {tenant}',
    left: { one: '{count} seconde', other: '{count} seconden' },
    copy: 'Kopiëren',
    copied: 'Gekopieerd.',
  },
  otherCodes: otherCodesNl,
  activity: {
    title: 'Activiteit',
    none: 'Er is nog niets gebeurd.',
    more: 'Eerder',
    notMe: 'Dit was ik niet',
    reportTitle: 'Dit melden?',
    reported: 'Gemeld. Wijzig je wachtwoord op een apparaat dat je vertrouwt.',
    types: activitiesNl,
  },
  settings: {
    title: 'Instellingen',
    accounts: 'Accounts',
    addAccount: 'Een account toevoegen',
    language: 'Taal',
    storage: 'Sleutels in deze browser',
    kept: 'De browser heeft beloofd ze te bewaren.',
    evictable:
      'De browser kan ze verwijderen als hij ruimte nodig heeft; dan moet je opnieuw beginnen.',
    oneChannel:
      'Als je je ook met deze browser aanmeldt, heeft een dief die hem overneemt beide. Gebruik ' +
      'een ander apparaat waar het erop aankomt.',
  },
  ended: {
    title: 'Deze browser is verwijderd',
    what: 'Hij keurt sinds {time} niets meer goed voor {user} bij {tenant}.',
    next:
      'Was jij dit niet, bel dan je helpdesk. Voeg het account opnieuw toe om hem weer te ' +
      'gebruiken.',
    erase: 'De sleutels wissen',
  },
  passkeyErrors: {
    NotAllowedError:
      'De passkey is niet gebruikt: dat is geannuleerd, duurde te lang, of hij is hier niet ' +
      'meer. Er is niets verstuurd; je kunt het opnieuw proberen.',
    InvalidStateError: 'Daar is al een passkey hiervoor. Kies een andere plek.',
    NotSupportedError: 'Die plek kan het soort passkey dat nodig is niet bewaren.',
    SecurityError:
      'De passkeys van deze app horen bij een ander adres dan deze pagina. Meld het je ' +
      'organisatie.',
  },
  errors: {
    unreachable: 'De dienst is niet bereikbaar. Er is niets veranderd; probeer het zo weer.',
    unexpected_response:
      'De dienst antwoordde op een manier die deze app niet kent. Laad hem opnieuw.',
    key_set_refused:
      'De sleutels van de dienst volgen niet uit die welke deze app vertrouwt. Bel je helpdesk.',
    unconfirmed_claim:
      'De dienst antwoordde niet op tijd, en de code kan verbruikt zijn. Vraag een nieuwe.',
    enrollment_code_invalid: 'Deze code klopt niet. Kijk de gebruikersnaam en de code na.',
    enrollment_expired: 'Deze code is te oud. Vraag een nieuwe.',
    enrollment_not_open: 'Deze code is al gebruikt. Was jij dat niet, bel dan je helpdesk.',
    enrollment_not_claimed: 'Het is gestopt. Vraag een nieuwe code.',
    too_many_devices: 'Je hebt zoveel apparaten als mag. Verwijder er eerst een.',
    push_locked: 'Aanmelden per telefoon is geblokkeerd. Weigeren en melden werken nog wel.',
    user_suspended: 'Je organisatie heeft je aanmeldingen stopgezet. Vraag je helpdesk.',
    too_many_requests: 'Het is nu te druk. Probeer het zo weer.',
    clock_skew: 'De tijd van dit apparaat wijkt ver af, en corrigeren hielp niet.',
    storage: 'Deze browser kon het niet opslaan.',
    unknown: 'Dat lukte niet.',
    reference: 'Voor je helpdesk: {code}',
  },
}
