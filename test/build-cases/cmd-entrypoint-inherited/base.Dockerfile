FROM varve-cases:base
CMD ["inherited"]
ENTRYPOINT ["old"]
CMD ["inherited again"]
