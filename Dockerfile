# The project's images. 'make image' builds them with docker or buildah, and gives both
# arguments; targets: node, operator.
ARG GO_VERSION=1.26.8
FROM docker.io/library/golang:${GO_VERSION}-bookworm AS source
# RocksDB is a library of Debian's.
RUN apt-get update && \
    apt-get install -y --no-install-recommends librocksdb-dev libsnappy-dev liblz4-dev libzstd-dev zlib1g-dev
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ENV GOFLAGS="-trimpath -buildvcs=false -mod=readonly" GOTOOLCHAIN=local

# The Go resolver is used, so that glibc needs no files.
FROM source AS build-node
ARG VERSION=unknown
# Tests build the next release's program with a tag (nextschema).
ARG NODE_TAGS=
RUN go build -tags "netgo,osusergo,${NODE_TAGS}" -ldflags "-s -w -X main.version=${VERSION}" -o /out/usr/bin/bedrock ./cmd/bedrock && \
    hack/image/root /out /out/usr/bin/bedrock

FROM source AS build-operator
ARG VERSION=unknown
RUN CGO_ENABLED=0 go build -ldflags "-s -w -X main.version=${VERSION}" -o /out/usr/bin/bedrock-operator ./cmd/bedrock-operator && \
    hack/image/root /out /out/usr/bin/bedrock-operator

# What runs holds a program, the libraries that it links and nothing else: no shell.
FROM scratch AS operator
COPY --from=build-operator /out/ /
USER 65532:65532
ENTRYPOINT ["/usr/bin/bedrock-operator"]

FROM scratch AS node
COPY --from=build-node /out/ /
USER 65532:65532
ENTRYPOINT ["/usr/bin/bedrock"]
