# The server as an image. The log must outlive the container: mount a volume at /data.
#
#   docker build -t durable-hits .
#   docker run -d -p 3000:3000 -v hits:/data -e ADMIN_TOKEN=… durable-hits
#   docker exec CONTAINER node dist/bin.js wal status
#
# Based on glibc: the binary that locks the log directory is built for it, and not for musl (Alpine).
FROM node:24.11.1-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY build.mjs tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN npm run -s build && npm prune --omit=dev --no-audit --no-fund

FROM node:24.11.1-bookworm-slim
ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    PORT=3000 \
    WAL_DIR=/data/wal
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
# A new volume inherits the owner of the directory that it covers.
RUN mkdir /data && chown 1000:1000 /data
# By number, so that a cluster can tell that it is not root; it is the image's user `node`.
USER 1000:1000
VOLUME /data
EXPOSE 3000
# Checks only that the process lives: a restart fixes neither a full disk nor an absent MongoDB. ROLE=project has no HTTP.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["node", "-e", "if (process.env.ROLE !== 'project') fetch(`http://127.0.0.1:${process.env.PORT}/healthz`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# Node handles SIGTERM itself and exits within 8 s, well before the 10 s that docker stop waits.
ENTRYPOINT ["node", "dist/bin.js"]
CMD ["serve"]
