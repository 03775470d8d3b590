# rls-cds in production: no build tools, no root, nothing written outside the data volume and /tmp.
#   docker build -t rls-cds .
#   docker run --read-only --tmpfs /tmp:size=64m --cap-drop ALL --security-opt no-new-privileges --publish 127.0.0.1:8080:8080 \
#     --volume rls-cds-data:/var/lib/rls-cds --volume ./rls-cds.toml:/etc/rls-cds/rls-cds.toml:ro \
#     --volume ./secrets:/run/secrets:ro --log-opt max-size=10m --log-opt max-file=5 \
#     --env RLS_CDS_PSEUDONYM_KEY_FILE=/run/secrets/pseudonym --env RLS_CDS_ENCRYPTION_KEY_FILE=/run/secrets/encryption rls-cds
# secrets/ holds both keys, owned by 65534 with mode 0400, each made with: openssl rand -base64 32
# Pin the base by digest: --build-arg BASE=python:3.13-slim@sha256:...
ARG BASE=python:3.13-slim

FROM ${BASE} AS build
WORKDIR /build
COPY requirements.lock ./
# All that is needed, each file checked against its hash; nothing is looked up, so nothing else can get in.
RUN python -m venv /opt/rls-cds \
    && /opt/rls-cds/bin/pip install --quiet --no-deps --require-hashes --only-binary :all: --requirement requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY cards cards
COPY cds_service cds_service
COPY fhir_fixtures fhir_fixtures
# Built by the setuptools of the lock file, which goes again, as pip does.
RUN /opt/rls-cds/bin/pip install --quiet --no-index --no-deps --no-build-isolation . \
    && /opt/rls-cds/bin/pip check \
    && /opt/rls-cds/bin/pip uninstall --quiet --yes setuptools pip

FROM ${BASE}
# MALLOC_ARENA_MAX: one heap for all threads, so that what a large call leaves is used by the next.
ENV PATH=/opt/rls-cds/bin:$PATH \
    MALLOC_ARENA_MAX=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    RLS_CDS_DATA_FOLDER=/var/lib/rls-cds
COPY --from=build /opt/rls-cds /opt/rls-cds
RUN install --directory --owner 65534 --group 65534 --mode 0700 /var/lib/rls-cds
USER 65534:65534
WORKDIR /var/lib/rls-cds
VOLUME /var/lib/rls-cds
EXPOSE 8080 9464
# The settings must name at least one client: without, nobody is authenticated and only loopback is served.
CMD ["rls-cds", "serve", "--config", "/etc/rls-cds/rls-cds.toml"]
STOPSIGNAL SIGTERM
# Alive, not ready: /readyz belongs to the load balancer, and a restart cures no missing key.
HEALTHCHECK --interval=15s --timeout=3s --start-period=20s CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8080/healthz', timeout=2)"]
