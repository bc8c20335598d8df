"""What belongs to one member: a provider's requests, days, earnings, notifications, profile and proofs of payment, a
customer's own bookings. Nobody reads or changes another's here: who calls is the only key.
"""
