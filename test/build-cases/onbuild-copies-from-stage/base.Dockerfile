FROM varve-cases:base
ONBUILD COPY --from=builder /built /copied
