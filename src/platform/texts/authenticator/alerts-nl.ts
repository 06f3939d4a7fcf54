import type { LaterTexts } from './later-texts.ts'

export const alertsNl: LaterTexts['alerts'] = {
  title: 'Meldingen',
  what: 'Ze laten weten dat er een verzoek wacht als deze app dicht is, en niet waarover.',
  turnOn: 'Meldingen aanzetten',
  again: 'Opnieuw aanzetten',
  turnOff: 'Meldingen uitzetten',
  notNow: 'Niet nu',
  busy: 'Een ogenblik …',
  standings: {
    on: 'Deze browser geeft je een melding, voor elk account dat erin staat.',
    off: 'Ze staan uit: open de app om verzoeken te zien.',
    denied:
      'De browser staat ze niet toe. Sta meldingen van deze pagina toe in de instellingen van ' +
      'de browser, en open de app dan opnieuw.',
    unsupported: 'Deze browser kent ze niet: open de app om verzoeken te zien.',
    failed:
      'De pushdienst van deze browser antwoordde niet. Probeer het later opnieuw; open tot dan ' +
      'de app om verzoeken te zien.',
  },
  doctor: {
    advice: {
      enable_notifications:
        'Dit account heeft nog geen meldingen. Zet ze opnieuw aan in de instellingen.',
      token_stale: 'Ze bereiken deze browser niet meer. Zet ze opnieuw aan in de instellingen.',
      provider_down:
        'De pushdienst neemt ze op dit moment niet aan. Open tot dan de app om verzoeken te zien.',
      never_received:
        'Ze worden verzonden en komen niet aan. Zoek in de instellingen van het apparaat naar ' +
        'energiebesparing en “niet storen”.',
    },
    received: 'Aangekomen',
    test: 'Een proefmelding sturen',
    waiting: 'Wachten op de proefmelding …',
    arrived: 'De proefmelding is aangekomen.',
    notArrived: 'De proefmelding is niet aangekomen.',
  },
  installFirst: 'Zet deze app eerst op je beginscherm, en zet ze daar aan.',
}
