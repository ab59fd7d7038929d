# The service as a static binary in an image with nothing else.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o /out/ml-connector ./cmd/ml-connector

# CA roots, zone data and a user without rights (65532) come with the base.
FROM gcr.io/distroless/static:nonroot
LABEL org.opencontainers.image.title="ml-connector" org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /out/ml-connector /ml-connector
USER 65532:65532
# 8080 takes webhooks; 9090 is for probes, metrics and operators, never public.
EXPOSE 8080 9090
ENTRYPOINT ["/ml-connector"]
CMD ["serve"]
