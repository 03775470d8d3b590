"""What Inferno's test kit for CRD servers demands, as tests of ours under its ids."""
