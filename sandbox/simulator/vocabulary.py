"""The words people and writers of the app use: names, chat lines, statuses, sources. No behaviour."""

from __future__ import annotations

# canonical -> words as written (docs/domain.md); "unknown" words are in no table of it
BOOKING_WORDS: dict[str, tuple[str, ...]] = {
    "pending": (
        "pending",
        "pending_accept",
        "idle",
        "registering",
        "searching",
        "waiting",
        "waiting_for_location",
    ),
    "accepted": ("accepted", "active", "on_the_way"),
    "confirmed": ("confirmed", "in_progress", "payment_received"),
    "completed": ("completed", "done", "finished"),
    "cancelled": ("cancelled", "canceled"),
    "declined": ("declined", "rejected"),
    "expired": ("expired", "timeout"),
    "reassigned": ("reassigned",),
    "unknown": ("no_show", "archived", "on_hold"),
}
COMMISSION_WORDS: dict[str, tuple[str, ...]] = {
    "pending": ("pending", "pending_collection", "accepted", "unpaid"),
    "awaiting_verification": ("awaiting_verification", "submitted"),
    "paid": ("paid", "verified", "confirmed", "completed"),
    "rejected": ("rejected",),
    "overdue": ("overdue", "expired"),
    "cancelled": ("cancelled", "canceled"),
    "reversed": ("reversed", "refunded"),
    "unknown": ("processing", "manual_check", ""),
}
RUPIAH_WORDS = ("IDR", "Rp", "Rp.", "rupiah", "idr")
FOREIGN_CURRENCIES = ("USD", "AUD", "EUR", "SGD")
SOURCE_WORDS: dict[str, tuple[str, ...]] = {
    "bookingButton": ("bookingButton", "button", "booknow", "platform"),
    "chatWindow": ("chatWindow", "chat"),
    "menuSlider": ("menuSlider", "menu"),
    "priceSlider": ("priceSlider",),
    "scheduled": ("scheduled",),
    "direct": ("direct", "manual", "whatsapp", "share", "profile", "search"),
    "unknown": ("kiosk", "partner-x"),
}
MODE_WORDS: dict[str, tuple[str, ...]] = {
    "immediate": ("immediate", "book_now", "now"),
    "scheduled": ("scheduled",),
}
EMPTY_WORDS: tuple[str, ...] = ("", "none", "undefined", "null", "-", "  ")

FIRST_NAMES = (
    "Anna", "Liam", "Sophie", "Noah", "Emma", "Lucas", "Mia", "Oliver", "Chloe", "Ethan", "Grace", "Hugo",
    "Ines", "Jonas", "Klara", "Leon", "Marta", "Niko", "Olga", "Pavel", "Rosa", "Sven", "Tara", "Umar",
    "Vera", "William", "Yuki", "Zoe", "Dewi", "Putu", "Rina", "Bagus", "Sari", "Agus", "Ayu", "Hendra",
    "Intan", "Rizky",
)  # fmt: skip
LAST_NAMES = (
    "Müller", "Smith", "Tanaka", "Rossi", "Dubois", "Jansen", "Novak", "Kim", "Ivanova", "Silva", "Andersson",
    "O'Brien", "García", "Wijaya", "Santoso", "Pratama", "Lestari", "Nguyen", "Chen", "Kowalski", "Brown",
    "Walsh", "Fischer", "Moreau", "Bakker", "Larsen", "Popescu", "Haddad", "Cohen", "Murray", "Setiawan",
    "Halim",
)  # fmt: skip
BALINESE = (
    "Wayan", "Made", "Nyoman", "Ketut", "Kadek", "Komang", "Gede", "Luh", "Putri", "Ni Luh", "I Gusti",
    "Desak",
)  # fmt: skip
BALINESE_SECOND = (
    "Suarti", "Artini", "Widiani", "Sudarma", "Astuti", "Wulandari", "Suryani", "Mertha", "Sukerti", "Arta",
    "Yuliani", "Rahayu", "Darmi", "Parwati",
)  # fmt: skip
PLACES = (
    "Lotus Day Spa", "Ubud Bamboo Retreat", "Seminyak Stone House", "Canggu Salt Room",
    "Sanur Lagoon Massage", "Uluwatu Cliff Spa", "Kuta Sunset Reflexology", "Jimbaran Bay Wellness",
    "Nusa Dua Palm Spa", "Menteng Garden Spa", "Pererenan Rice Field Spa", "Sentani Lake Massage",
)  # fmt: skip
HOTELS = (
    "Villa Kamboja", "The Frangipani Resort", "Alila Batu", "Hotel Tanjung", "Puri Sawah",
    "Ombak Beach Hotel",
)  # fmt: skip
CITIES = ("Ubud", "Seminyak", "Canggu", "Sanur", "Kuta", "Uluwatu", "Denpasar", "Jimbaran")
BROWSERS = ("Chrome 142 Android", "Safari 26 iOS", "Samsung Internet 29", "Firefox 145", "Chrome 142 Windows")
STREETS = (
    "Jl. Hanoman",
    "Jl. Batu Bolong",
    "Jl. Raya Ubud",
    "Jl. Kayu Aya",
    "Jl. Danau Tamblingan",
    "Gang Mawar",
)
DISCOUNTS = ("BALI10", "NEWGUEST", "RAINYDAY", "TEMAN15")
PAYMENT_METHODS = ("cash", "bank_transfer", "qris", "card")
DECLINE_REASONS = (
    "too far", "fully booked", "sakit", "jadwal penuh", "customer did not answer", "macet", "not available",
    "changed my mind", "price too high",
)  # fmt: skip

# {n} customer, {p} provider, {m} minutes, {t} local time, {s} street and number, {k} thousands of rupiah
CUSTOMER_LINES = (
    "Hi {p}, are you free at {t}?",
    "Hello, I'd like a {m} minutes massage please",
    "We are staying at {s}",
    "Could you bring an extra towel?",
    "My shoulders hurt after surfing, strong pressure please",
    "Is {k}k the total price, including transport?",
    "Can my wife have one at the same time?",
    "Great, see you at {t} then",
    "The gate is white, ring twice",
    "Thank you, that was lovely",
    "Halo kak {p}, bisa jam {t}?",
    "Saya mau pijat {m} menit ya",
    "Alamat saya di {s}",
    "Tolong bawa minyak kelapa ya",
    "Berapa totalnya, {k} ribu?",
    "Terima kasih banyak, kak",
    "Saya tunggu di lobi",
    "Maaf, bisa mundur lima belas menit?",
    "Do you take card or only cash? 💆",
    "Sudah sampai mana, kak?",
)
PROVIDER_LINES = (
    "Hello {n}, yes I can come at {t}",
    "I am on my way, about 20 minutes",
    "Please share your location",
    "For {m} minutes it is {k}k",
    "I am at the gate",
    "Thank you, please leave a review 🙏",
    "Sorry, traffic in {c}, ten minutes late",
    "Which oil would you like?",
    "Halo {n}, siap jam {t}",
    "Saya sudah di jalan ya",
    "Boleh kirim lokasinya?",
    "Untuk {m} menit harganya {k} ribu",
    "Saya sudah di depan",
    "Terima kasih, sampai jumpa lagi",
    "Maaf macet di {c}, telat sepuluh menit",
    "Baik kak, ditunggu",
    "Ada alergi atau cedera?",
    "Pembayarannya tunai atau transfer?",
)
SYSTEM_LINES = (
    "Your booking was sent. The therapist has {d} minutes to answer.",
    "Pesanan Anda terkirim. Terapis punya {d} menit untuk menjawab.",
)
STATUS_LINES = {
    "accepted": ("Booking accepted.", "Pesanan diterima."),
    "completed": ("Service completed. How was it?", "Layanan selesai. Bagaimana?"),
    "cancelled": ("The booking was cancelled.", "Pesanan dibatalkan."),
    "declined": ("The therapist is not available.", "Terapis tidak tersedia."),
    "expired": ("No answer in time.", "Tidak ada jawaban."),
}
ADMIN_LINES = ("Support here, can we help?", "Admin di sini, ada yang bisa dibantu?")
REVIEW_LINES = (
    "Wonderful hands", "Sangat ramah dan tepat waktu", "Good, a bit late", "Pijatannya enak sekali",
    "Would book again", "Tekanannya pas", "Ok",
)  # fmt: skip
