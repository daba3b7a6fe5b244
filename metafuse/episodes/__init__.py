"""Episodes: draws of a support set and a query set, as index arrays, from one or many sources."""
