# sessionctl for cron: `docker build -t sessionctl:0.1.0 .` in the checkout. docs/cron.md says how it is run.
FROM node:22-slim AS build
WORKDIR /source
COPY package.json package-lock.json .npmrc ./
# What is bundled is JavaScript; the native SQLite driver is installed below, where it is run.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY bundle.js bundle-notices.js tsconfig.json LICENSE README.md CHANGELOG.md ./
COPY bin bin
COPY man man
COPY src src
RUN npm run build && npm pack --pack-destination /

FROM node:22-slim
COPY --from=build /sessionctl-*.tgz /tmp/
RUN npm install --global --no-audit --no-fund /tmp/sessionctl-*.tgz && rm /tmp/sessionctl-*.tgz \
  && install -d -o node -g node /var/lib/sessionctl
# The history, and where a sweep stopped.
ENV XDG_STATE_HOME=/var/lib/sessionctl
VOLUME /var/lib/sessionctl
USER node
# Without a shell, which would keep SIGTERM to itself.
ENTRYPOINT ["sessionctl"]
CMD ["--help"]
