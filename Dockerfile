# Every step is in scripts/image-steps.sh. `npm run image` carries out the same lines without a container engine, and fails
# when this file has others than it knows (scripts/image.ts).

FROM node:24-bookworm-slim AS client
WORKDIR /app
COPY scripts/image-steps.sh ./scripts/
COPY package.json package-lock.json prisma.config.ts ./
COPY prisma ./prisma
RUN --mount=type=cache,target=/root/.npm sh scripts/image-steps.sh client
COPY tsconfig.json ./
COPY scripts/build-web.ts ./scripts/
COPY web ./web
COPY clients/device/src ./clients/device/src
COPY src/platform/texts ./src/platform/texts
RUN --mount=type=cache,target=/root/.npm sh scripts/image-steps.sh web

FROM node:24-bookworm-slim AS app
WORKDIR /app
ENV NODE_ENV=production HOST=0.0.0.0 NODE_COMPILE_CACHE=/app/node_modules/.cache/countersign
COPY scripts/image-steps.sh ./scripts/
COPY package.json package-lock.json ./
RUN --mount=type=cache,target=/root/.npm sh scripts/image-steps.sh install
COPY prisma/migrations ./prisma/migrations
COPY src ./src
COPY web/look ./web/look
COPY --from=client /app/src/generated ./src/generated
COPY --from=client /app/web/dist ./web/dist

# Node keeps compiled code for one account. Copied, it is root's: the service reads it and cannot change it.
FROM app AS compiled
USER node
RUN sh scripts/image-steps.sh compile /tmp/compiled

FROM app
COPY --from=compiled /tmp/compiled ./node_modules/.cache/countersign
USER node
EXPOSE 8080
# Liveness: a restart does not bring a lost database back. A worker listens nowhere; its process is its health.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s CMD ["node", "-e", "if (process.env.ROLE !== 'worker') fetch('http://127.0.0.1:' + (process.env.PORT || 8080) + '/health/live').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "src/main.ts"]
