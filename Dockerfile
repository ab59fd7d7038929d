# The service as a static binary in an image with nothing else.
#   docker build --build-arg VERSION=v1.2.3 --build-arg COMMIT=$(git rev-parse HEAD) -t ml-connector .
FROM golang:1.26 AS build
ARG VERSION=devel
ARG COMMIT=unknown
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false \
    -ldflags "-s -w -buildid= -X github.com/ml-connector/ml-connector/service.version=$VERSION -X github.com/ml-connector/ml-connector/service.commit=$COMMIT" \
    -o /out/ml-connector ./cmd/ml-connector

# CA roots, zone data and a user without rights (65532) come with the base.
FROM gcr.io/distroless/static:nonroot
ARG VERSION=devel
ARG COMMIT=unknown
LABEL org.opencontainers.image.title="ml-connector" \
      org.opencontainers.image.description="Keeps Oracle NetSuite and Cin7 Core in step" \
      org.opencontainers.image.source="https://github.com/ml-connector/ml-connector" \
      org.opencontainers.image.documentation="https://github.com/ml-connector/ml-connector/blob/main/docs/deploy.md" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$COMMIT"
COPY --from=build /out/ml-connector /ml-connector
USER 65532:65532
# 8080 takes webhooks; 9090 is for probes, metrics and operators, never public.
EXPOSE 8080 9090
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 CMD ["/ml-connector", "healthcheck"]
ENTRYPOINT ["/ml-connector"]
CMD ["serve"]
