"""Two Rivers: an invented valley between two invented states, to learn and test on.

Everything here is made up: land, people, names, telephone numbers, incidents. It lies in the open Atlantic so that nobody
takes it for real land. What was planted is written beside it in truth.json.
"""

from datetime import date

SEED = 20231006
CRS = "EPSG:32626"
STUDY_FROM = date(2023, 10, 1)
STUDY_TO = date(2026, 9, 30)
TREATY = date(2025, 4, 17)
PARTIES = ("Norvia", "Selmar")
AREA = (-27.25, 42.86, -26.75, 43.14)
INVENTED = "INVENTED DATA: the valley Two Rivers, its states, people, names, telephone numbers and incidents do not exist."
