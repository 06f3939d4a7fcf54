// Who did what is listed as an activity, where that is not the device that it is about.

export const actorsEn = {
  device: 'by another of your devices',
  thatDevice: 'by {device}',
  portal: 'by you, on the page of your devices',
  api_key: 'by an application of your organisation',
  integration: 'by an application of your organisation',
  operator: 'by your organisation',
  service: 'by this service',
} as const
