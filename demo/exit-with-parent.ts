// Preloaded into the service: it stops as on a signal when the demo lets go of its standard input, however the demo ended.

process.stdin.on('close', () => {
  if (!process.emit('SIGTERM', 'SIGTERM')) process.exit(1)
})
process.stdin.resume()
