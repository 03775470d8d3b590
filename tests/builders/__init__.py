"""What tests are made of: requests, charts, tokens, records, and the service around them."""
