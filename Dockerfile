# The engine with every driver's client. Secrets are given when it runs, by environment or file; none is in the image.
FROM node:24.21.0-bookworm-slim AS build
WORKDIR /dibs
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json LICENSE README.md CHANGELOG.md ./
COPY scripts scripts
COPY docs docs
COPY src src
RUN npm run build

FROM node:24.21.0-bookworm-slim AS modules
WORKDIR /dibs
COPY package.json package-lock.json ./
COPY scripts/image-package.ts scripts/
# What is needed to run, and the clients of Redis, Kafka, MySQL and PostgreSQL in the versions of the lockfile.
RUN node scripts/image-package.ts \
 && npm install --omit=dev --ignore-scripts --no-audit --no-fund

FROM node:24.21.0-bookworm-slim
ENV NODE_ENV=production DIBS_HOST=0.0.0.0 DIBS_DATA=/data
WORKDIR /dibs
COPY --from=modules /dibs/node_modules node_modules
COPY --from=build /dibs/package.json /dibs/LICENSE /dibs/CHANGELOG.md ./
COPY --from=build /dibs/docs docs
COPY --from=build /dibs/dist dist
RUN install -d -o node -g node -m 700 /data
USER node
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8080/livez').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "dist/cli/bin.js"]
CMD ["serve"]
