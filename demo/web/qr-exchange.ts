// How a phone page "sees" the QR code of a sign-in page in the same browser.

const channelName = 'countersign-demo-camera'
const lookMs = 2500

type Message = { readonly camera: 'looks' } | { readonly qrCode: string }

/** Shows a QR code to every phone of this browser that looks; call the result to take it away. */
export function showToCameras(qrCode: string): () => void {
  const channel = new BroadcastChannel(channelName)
  channel.onmessage = ({ data }: MessageEvent<Message>) => {
    if ('camera' in data) channel.postMessage({ qrCode } satisfies Message)
  }
  return () => channel.close()
}

/** The QR code that is shown somewhere in this browser, or null when none comes into sight for a while. */
export function lookForQrCode(signal: AbortSignal): Promise<string | null> {
  const channel = new BroadcastChannel(channelName)
  const found = new Promise<string | null>((resolve) => {
    const timer = setTimeout(resolve, lookMs, null)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve(null)
    })
    channel.onmessage = ({ data }: MessageEvent<Message>) => {
      if ('qrCode' in data) {
        clearTimeout(timer)
        resolve(data.qrCode)
      }
    }
  })
  channel.postMessage({ camera: 'looks' } satisfies Message)
  return found.finally(() => channel.close())
}
