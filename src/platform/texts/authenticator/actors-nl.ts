import type { LaterTexts } from './later-texts.ts'

export const actorsNl: LaterTexts['actors'] = {
  device: 'door een ander apparaat van je',
  thatDevice: 'door {device}',
  portal: 'door jou, op de pagina van je apparaten',
  api_key: 'door een toepassing van je organisatie',
  integration: 'door een toepassing van je organisatie',
  operator: 'door je organisatie',
  service: 'door deze dienst',
}
