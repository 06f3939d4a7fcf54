# scripts/image-rehearsal.ts carries out these instructions without a container engine, in CI; it knows FROM, WORKDIR, ENV,
# COPY, RUN (paths relative to WORKDIR), USER, EXPOSE, HEALTHCHECK and CMD.

FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json prisma.config.ts ./
COPY prisma ./prisma
# No script of a dependency runs here; `prepare` is ours and writes the database client.
RUN npm ci --omit=optional --ignore-scripts && npm run prepare

FROM node:24-bookworm-slim
WORKDIR /app
ENV NODE_ENV=production HOST=0.0.0.0
COPY package.json package-lock.json ./
# Without the optional dependencies there is no PostgreSQL inside: DATABASE_URL is required.
RUN npm ci --omit=dev --omit=optional --ignore-scripts && npm cache clean --force
COPY prisma/migrations ./prisma/migrations
COPY src ./src
COPY --from=build /app/src/generated ./src/generated
USER node
EXPOSE 8080
# Liveness: a restart does not bring a lost database back. A worker listens nowhere; its process is its health.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s CMD ["node", "-e", "if (process.env.ROLE !== 'worker') fetch('http://127.0.0.1:' + (process.env.PORT || 8080) + '/health/live').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "src/main.ts"]
