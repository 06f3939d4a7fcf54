// How a phone page "sees" the QR code of a sign-in page in the same browser.

const channelName = 'countersign-demo-camera'

type Message = { readonly camera: 'looks' } | { readonly qrCode: string }

/** Shows a QR code to every scanning phone of this browser; call the result to remove it. */
export function showToCameras(qrCode: string): () => void {
  const channel = new BroadcastChannel(channelName)
  const show = () => channel.postMessage({ qrCode } satisfies Message)
  channel.onmessage = ({ data }: MessageEvent<Message>) => {
    if ('camera' in data) show()
  }
  show()
  return () => channel.close()
}

/** Waits for a QR code shown anywhere in this browser, until one appears or the signal aborts. */
export function lookForQrCode(signal: AbortSignal): Promise<string> {
  const channel = new BroadcastChannel(channelName)
  signal.addEventListener('abort', () => channel.close())
  return new Promise((resolve) => {
    channel.onmessage = ({ data }: MessageEvent<Message>) => {
      if ('qrCode' in data) resolve(data.qrCode)
    }
    channel.postMessage({ camera: 'looks' } satisfies Message)
  })
}
