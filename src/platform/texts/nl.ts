// Every text that people read, in Dutch.

import { portalTexts } from './portal-nl.ts'
import { problemPagesNl } from './problem-pages-nl.ts'
import { promptTexts } from './prompt-nl.ts'
import type { Translation } from './translation.ts'

const lostDevice =
  'Vergrendel of wis het op afstand met de dienst van de maker, zoals Zoek mijn of Vind mijn hub.'
const tellHelpDesk =
  'Vertel het de helpdesk van je organisatie, en meld elke aanmelding die niet van jou was.'

export const nl: Translation = {
  locale: 'nl-NL',
  direction: 'ltr',
  problems: {
    unauthenticated: 'Er is geen API-sleutel meegegeven.',
    api_key_invalid: 'De API-sleutel is niet geldig.',
    address_not_allowed: 'De API-sleutel mag niet vanaf dit adres worden gebruikt.',
    scope_missing: 'De API-sleutel heeft niet het recht voor deze aanroep.',
    namespace_not_granted: 'De toepassing mag deze naamruimte niet gebruiken.',
    not_found: 'Hier is niets.',
    invalid_request: 'Het verzoek is niet geldig.',
    relying_party_unknown: 'Deze toepassing bestaat niet.',
    policy_out_of_profile: 'Het profiel van het beleid staat dit niet toe.',
    policy_laxer: 'Een toepassing of koppeling mag strenger zijn dan de organisatie, nooit losser.',
    api_key_not_live: 'De API-sleutel is verlopen of ingetrokken.',
    rotation_under_way: 'Van deze reeks zijn al twee sleutels in gebruik.',
    identifier_taken: 'Een van de namen is al van een andere gebruiker.',
    identifiers_collide: 'Namen van verschillende gebruikers zouden gelijk worden.',
    enrollment_not_open: 'De registratie staat niet meer open.',
    enrollment_code_invalid: 'De registratiecode is niet geldig.',
    enrollment_expired: 'De registratie is verlopen.',
    enrollment_not_claimed: 'De registratie wacht niet op een getal.',
    enrolled_before: 'De gebruiker heeft of had al een tweede factor.',
    too_many_devices: 'De gebruiker heeft zoveel apparaten als de organisatie toestaat.',
    key_already_registered: 'Een sleutel van dit apparaat is al geregistreerd.',
    too_many_key_rotations: 'Het apparaat heeft zoveel sleutels vervangen als er op een dag mogen.',
    passkey_synced: 'De organisatie accepteert geen passkeys die naar andere apparaten gaan.',
    attestation_missing: 'De organisatie vereist een verklaring van de maker over de sleutels.',
    attestation_invalid: 'De verklaring van de maker over de sleutels is niet geldig.',
    proof_missing: 'Er is geen bewijs van het apparaat meegegeven.',
    proof_malformed: 'Het bewijs heeft niet de juiste vorm.',
    proof_invalid: 'Het bewijs hoort niet bij dit verzoek.',
    proof_replayed: 'Het bewijs is al eerder gebruikt.',
    proof_key_not_allowed: 'Deze aanroep vereist de sleutel die de persoon verifieert.',
    clock_skew: 'De klok van het apparaat wijkt te veel af.',
    device_unregistered: 'Het apparaat is afgemeld.',
    device_suspended: 'Het apparaat is geblokkeerd.',
    device_not_active: 'Het apparaat is niet actief.',
    device_not_pending: 'Het apparaat wacht niet op bevestiging.',
    app_taken: 'De organisatie heeft voor deze app en aanbieder al gegevens opgegeven.',
    no_push_token: 'Het apparaat kan geen pushmeldingen ontvangen.',
    test_push_too_soon:
      'Het apparaat kreeg zojuist al een testmelding, of zoveel als er in een uur mogen.',
    pushes_paused: 'De gebruiker wil op dit moment geen pushmeldingen.',
    app_too_old: 'De app is te oud.',
    platform_retired: 'De organisatie staat dit platform niet meer toe.',
    protocol_too_old: 'De app spreekt een versie van het protocol die te oud is.',
    protocol_version_lowered: 'De app sprak al een nieuwere versie van het protocol.',
    too_many_diagnostics: 'Het apparaat heeft te vaak diagnostische gegevens gestuurd.',
    export_busy: 'Er loopt al een andere export.',
    integration_invalid: 'Geen koppeling laat deze client toe.',
    integration_paused: 'De koppeling staat stil.',
    realm_unreachable: 'De sleutels van de realm kunnen niet worden opgehaald.',
    realm_keys_refused: 'De sleutels van de realm zijn niet aanvaardbaar.',
    integration_without_secret: 'De clients van deze koppeling hebben geen geheim van ons.',
    sign_in_refused: 'Het kon of mocht de gebruiker niet worden gevraagd.',
    sign_in_expired: 'De gebruiker heeft niet op tijd geantwoord.',
    caller_number_missing: 'Het verzoek bevat geen getal dat de persoon ziet.',
    numbers_ambiguous: 'De persoon kreeg op één plek twee getallen te zien.',
    number_unseen: 'De client kan de persoon geen getal laten zien.',
    factor_not_offered: 'De gevraagde manier van aanmelden wordt niet aangeboden.',
    signature_too_weak: 'De handtekening is gemaakt met HMAC-SHA-1.',
    fail_open_not_allowed: 'De client zegt dat hij mensen toelaat als niemand antwoordt.',
    legacy_version_not_allowed: 'De client spreekt versie 1 van de Auth API.',
    redirect_uri_unknown: 'De aanmelding zou terugleiden naar een adres dat niet bekend is.',
    enrollment_not_allowed: 'Langs deze weg worden geen apparaten geregistreerd.',
    user_not_found: 'Deze gebruiker bestaat niet.',
    no_capable_device: 'Geen apparaat van de gebruiker kan dit beantwoorden.',
    user_suspended: 'De gebruiker is geblokkeerd.',
    push_locked: 'Aanmelden met een pushmelding is voor deze gebruiker vergrendeld.',
    push_sign_in_off: 'De organisatie heeft aanmelden met push voor deze gebruiker uitgezet.',
    initiator_blocked: 'De gebruiker heeft een aanmelding vanaf deze plek gemeld.',
    too_many_pending: 'Er wachten al te veel vragen op een antwoord van deze gebruiker.',
    push_suppressed: 'Nog een pushmelding zou er voor deze gebruiker een te veel zijn.',
    number_none_not_allowed: 'De organisatie staat geen vragen zonder getal toe.',
    number_too_short: 'Het getal heeft minder cijfers dan de organisatie vraagt.',
    return_url_not_allowed: 'De toepassing mag niet naar dit adres terugleiden.',
    idempotency_key_reused: 'De Idempotency-Key is al voor een ander verzoek gebruikt.',
    challenge_ended: 'De vraag is al afgehandeld.',
    challenge_expired: 'De vraag is verlopen.',
    resend_too_soon: 'Voor deze vraag is zojuist al een pushmelding gestuurd.',
    resends_used_up: 'Voor deze vraag kan geen pushmelding meer worden gestuurd.',
    nothing_to_push: 'Geen apparaat van deze vraag kan een pushmelding ontvangen.',
    answer_malformed: 'Het antwoord heeft niet de juiste vorm.',
    answer_invalid: 'Het antwoord past niet bij wat er is gevraagd.',
    answer_key_not_allowed: 'Deze goedkeuring vereist de sleutel die de persoon verifieert.',
    wrong_number: 'Het getal klopt niet.',
    number_missing: 'De goedkeuring bevat geen getal.',
    report_resolved: 'De melding is al afgehandeld.',
    passcodes_not_allowed: 'De organisatie staat geen codes van de app toe.',
    passcode_wrong: 'De code is niet geldig.',
    passcode_used: 'De code is al eerder gebruikt.',
    passcode_clock_off: 'De code klopte een paar minuten geleden.',
    passcode_expired: 'De tijdelijke code is verlopen.',
    passcode_locked: 'Er zijn te veel verkeerde codes geprobeerd.',
    portal_link_invalid: 'De link is niet meer geldig.',
    portal_session_invalid: 'Je bent hier niet aangemeld, of niet meer.',
    portal_step_up_needed: 'Hiervoor is een zojuist geopende link nodig, of een code.',
    portal_link_needed: 'Hiervoor is een sessie nodig die met een link is geopend.',
    portal_not_approved: 'De aanmelding is niet goedgekeurd.',
    origin_not_allowed: 'Het verzoek komt niet van een pagina van het portaal.',
    webhook_url_refused: 'Webhooks mogen niet naar dit adres.',
    webhook_endpoint_not_active: 'Het eindpunt staat stil of is uitgeschakeld.',
    too_many_webhook_endpoints: 'De toepassing heeft zoveel eindpunten als er mogen zijn.',
    too_many_webhook_requests:
      'Het eindpunt kreeg al zoveel tests en herhalingen als er in een minuut mogen.',
    conflict: 'Iemand anders veranderde op dit moment hetzelfde.',
    too_many_requests: 'Er wachten al te veel aanroepen van deze soort.',
    body_too_large: 'De inhoud is te groot.',
    unsupported_media_type: 'De inhoud is van een ander type.',
    headers_too_large: 'De headers zijn te groot.',
    request_timeout: 'Het verzoek kwam niet op tijd binnen.',
    unavailable: 'De dienst kan dit op dit moment niet doen.',
    internal: 'Er ging bij ons iets mis.',
  },
  pushes: {
    challenge_opened: { title: 'Aanmelding', body: 'Open de app om die te controleren.' },
    challenge_closed: { title: 'Aanmelding', body: 'Deze aanmelding is voorbij.' },
    activity_recorded: { title: 'Je account', body: 'Open de app om te zien wat er is gebeurd.' },
    digest: {
      one: 'Nog {more} gebeurtenis. Open de app om te zien wat er is gebeurd.',
      other: 'Nog {more} gebeurtenissen. Open de app om te zien wat er is gebeurd.',
    },
    test: { title: 'Testmelding', body: 'Meldingen komen aan op dit apparaat.' },
  },
  home: {
    about:
      'Dit is een server die mensen op hun telefoon vraagt of een aanmelding echt van hen is. ' +
      'Je kunt je hier niet aanmelden.',
    documentation: 'Documentatie van de API',
    ready: 'Of de server gereed is',
    lostPhone:
      'Kwam je hier om een verloren telefoon af te melden, vraag dan de helpdesk van je ' +
      'organisatie om een link.',
  },
  enrollment: {
    title: 'Scan deze code met je aanmeldapp',
    notHere:
      'Dit adres is bedoeld voor de scanner in de app, niet voor een browser of de camera ' +
      'van de telefoon.',
    openApp: 'Open de app',
    openedAgain:
      'Als deze pagina opnieuw opent, staat de app niet op dit apparaat, of biedt de browser ' +
      'hem boven de pagina aan.',
    useBrowser: 'Deze browser gebruiken',
    useBrowserWhen:
      'Alleen als je er geen telefoon voor hebt: een dief die deze browser overneemt, kan dan ' +
      'aanmelden én goedkeuren.',
    how:
      'Open de app die je van je organisatie kreeg om aanmeldingen goed te keuren, kies daar ' +
      'voor een account toevoegen en richt hem op de QR-code. Heb je geen camera bij de hand, ' +
      'typ dan de code die ernaast staat.',
    nothingYet: 'Er is nog niets gebeurd: de code werkt nog, tot ze verloopt.',
  },
  link: {
    title: 'Beheer je apparaten',
    about:
      'Hier zie je de telefoons en andere apparaten waarmee je aanmeldingen goedkeurt, en kun ' +
      'je een apparaat afmelden dat kwijt of gestolen is.',
    nothingYet:
      'Er is nog niets gebeurd. De link werkt één keer, en tot vijftien minuten nadat hij is ' +
      'gemaakt.',
    notYours:
      'Heb je niet om deze link gevraagd, sluit dan deze pagina en vertel het de helpdesk van ' +
      'je organisatie.',
    go: 'Ga door',
  },
  devices: {
    title: 'Je apparaten',
    signedInAs: 'Aangemeld als {user} bij {tenant}. Deze pagina werkt tot {time}.',
    none:
      'Op dit moment kun je met geen enkel apparaat aanmeldingen goedkeuren. Voeg hieronder een ' +
      'telefoon toe, of vraag de helpdesk van je organisatie om een code.',
    model: 'Model',
    addedAt: 'Toegevoegd',
    lastUsed: 'Laatst gebruikt',
    never: 'Nog niet',
    status: 'Status',
    statuses: {
      unconfirmed: 'Wordt toegevoegd, nog niet bevestigd',
      active: 'Kan aanmeldingen goedkeuren',
      suspended: 'Geblokkeerd',
      unregistered: 'Afgemeld',
    },
    unregister: '{name} afmelden',
    signOut: 'Uitloggen',
  },
  confirm: {
    title: '{name} afmelden?',
    what:
      'Daarna kan het geen aanmelding meer goedkeuren. Dit is niet terug te draaien: om het ' +
      'weer te gebruiken moet het opnieuw worden toegevoegd.',
    why: 'Waarom?',
    reasons: {
      lost: 'Het is kwijt',
      stolen: 'Het is gestolen',
      replaced: 'Er komt een nieuw apparaat voor in de plaats',
      user_request: 'Ik gebruik het niet meer',
    },
    go: 'Dit apparaat afmelden',
    back: 'Behouden en teruggaan',
  },
  result: {
    title: '{name} is afgemeld',
    what: 'Het kan vanaf nu geen aanmelding meer goedkeuren.',
    next: 'Wat je nu moet doen',
    steps: {
      lost: [lostDevice, tellHelpDesk],
      stolen: [
        lostDevice,
        'Verander je wachtwoord op een apparaat dat je vertrouwt.',
        tellHelpDesk,
      ],
      replaced: ['Verwijder je account uit de app op het oude apparaat voordat je het weggeeft.'],
      user_request: ['Verwijder de app van het apparaat als je die niet nodig hebt.'],
      admin: [],
      not_confirmed: [],
    },
    others: 'Meld je aan zoals altijd: je andere apparaten blijven werken.',
    noOther:
      'Geen ander apparaat kan je aanmeldingen goedkeuren. Vraag op tijd de helpdesk van je ' +
      'organisatie om een code om er een toe te voegen.',
    back: 'Terug naar je apparaten',
  },
  portal: portalTexts,
  prompt: promptTexts,
  signedOut: {
    title: 'Je bent uitgelogd',
    what: 'Je kunt deze pagina sluiten. Vraag om een nieuwe link om terug te komen.',
  },
  problemPages: problemPagesNl,
  devicesLink: 'Heb je hem net in deze browser geopend, ga dan verder naar {devices}.',
}
