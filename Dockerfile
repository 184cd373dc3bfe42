# Images of the programs, one target each:
#
#   docker build --target queue-proxy -t sluice/queue-proxy .
#   docker build --target activator   -t sluice/activator .
#   docker build --target sluice      -t sluice/sluice .
#   docker build --target sd-standin  -t sluice/sd-standin .
#
# Each image holds one program, the shared libraries it names, certificates, and nothing else: no
# shell, no package tool. It runs as user 65532 or any other one, on a read-only root file system,
# without capabilities.

FROM debian:bookworm-slim AS builder
WORKDIR /src
COPY scripts/install-packages scripts/install-packages
RUN scripts/install-packages build && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/*
COPY . .
# Everything is compiled here. A context may bring results of ccache along (tests/images/run does):
# one is taken where compiler, flags and every byte of input are the same.
RUN CCACHE_REMOTE_STORAGE="file:/src/build/ccache|read-only=true" make build \
    && ccache --show-stats
RUN for program in queue-proxy activator sluice sd-standin; do \
        scripts/make-rootfs "build/release/$program" "/rootfs/$program"; \
    done
# `sluice up` starts a queue-proxy for each pod, and finds it beside itself.
RUN scripts/make-rootfs build/release/queue-proxy /rootfs/sluice

FROM scratch AS queue-proxy
COPY --from=builder /rootfs/queue-proxy /
USER 65532:65532
ENTRYPOINT ["/queue-proxy"]

FROM scratch AS activator
COPY --from=builder /rootfs/activator /
USER 65532:65532
ENTRYPOINT ["/activator"]

# Starts containers through the Docker Engine's socket (mounted by whoever runs it): its user needs
# that socket's group, `--group-add`.
FROM scratch AS sluice
COPY --from=builder /rootfs/sluice /
USER 65532:65532
ENTRYPOINT ["/sluice"]

FROM scratch AS sd-standin
COPY --from=builder /rootfs/sd-standin /
USER 65532:65532
ENTRYPOINT ["/sd-standin"]
