"""What the rules find and what they leave alone, all names and numbers invented."""

import pytest

from clinicalbert_tf.deidentification.note import find_all

FOUND = [
    ("mail a.b-c@ward.example.org now", "EMAIL", "a.b-c@ward.example.org"),
    ("see https://portal.example.com/x?y=1.", "URL", "https://portal.example.com/x?y=1"),
    ("at www.example.org/notes, and", "URL", "www.example.org/notes"),
    ("from 10.1.2.3. Then", "IPADDR", "10.1.2.3"),
    ("(617) 555-0123 or", "PHONE", "(617) 555-0123"),
    ("cell 617.555.0123 x12", "PHONE", "617.555.0123 x12"),
    ("+44 20 7946 0958 abroad", "PHONE", "+44 20 7946 0958"),
    ("pager #12345", "PHONE", "12345"),
    ("her number 555-0123,", "PHONE", "555-0123"),
    ("617–555–0123", "PHONE", "617–555–0123"),
    ("call me at 9472 7916", "PHONE", "9472 7916"),
    ("SSN 123-45-6789", "SSN", "123-45-6789"),
    ("social security number is 123 45 6789", "SSN", "123 45 6789"),
    ("MRN: 00-12-34", "MEDICALRECORD", "00-12-34"),
    ("Medical Record Number: 12345", "MEDICALRECORD", "12345"),
    ("Unit No: 123-45-67", "MEDICALRECORD", "123-45-67"),
    ("account # AB12345", "ACCOUNT", "AB12345"),
    ("card 4111 1111 1111 1111", "ACCOUNT", "4111 1111 1111 1111"),
    ("IBAN DE89 3704 0044 0532 0130 00", "ACCOUNT", "DE89 3704 0044 0532 0130 00"),
    ("member ID: W123456789", "HEALTHPLAN", "W123456789"),
    ("driver's license: S1234567", "LICENSE", "S1234567"),
    ("serial # XK-12345", "DEVICE", "XK-12345"),
    ("Accession number: 22-12345", "IDNUM", "22-12345"),
    ("specimen S1234567 sent", "IDNUM", "S1234567"),
    ("on 2021-03-04 at", "DATE", "2021-03-04"),
    ("DOB 3/4/31", "DATE", "3/4/31"),
    ("12.05.2020", "DATE", "12.05.2020"),
    ("31/12/2020", "DATE", "31/12/2020"),
    ("January 5th, 2023", "DATE", "January 5th, 2023"),
    ("5 Jan 2023", "DATE", "5 Jan 2023"),
    ("05JAN2023", "DATE", "05JAN2023"),
    ("on Feb. 3", "DATE", "Feb. 3"),
    ("3rd of March", "DATE", "3rd of March"),
    ("in March 2019", "DATE", "March 2019"),
    ("seen on 3/4 and", "DATE", "3/4"),
    ("from 3/4 to 3/9", "DATE", "3/9"),
    ("since 1998", "DATE", "1998"),
    ("Boston, MA 02115", "ZIP", "02115"),
    ("zip code: 02115-1234", "ZIP", "02115-1234"),
    ("lives at 12 Oak Tree Road, Apt 4", "STREET", "12 Oak Tree Road, Apt 4"),
    ("P.O. Box 123", "STREET", "P.O. Box 123"),
    ("a 92 year old", "AGE", "92"),
    ("101yo", "AGE", "101"),
    ("aged 93.", "AGE", "93"),
    ("ninety-two year old", "AGE", "ninety-two"),
    ("seen by Dr. Ann O'Hara-Quill today", "DOCTOR", "Ann O'Hara-Quill"),
    ("Dr. J. R. Quill", "DOCTOR", "J. R. Quill"),
    ("by Dr. Jane\nQuill today", "DOCTOR", "Jane\nQuill"),
    ("DR. QUILL called", "DOCTOR", "QUILL"),
    ("Mrs. Quill", "PATIENT", "Quill"),
    ("Jane B. Quill, MD", "DOCTOR", "Jane B. Quill"),
    ("Patient Name: Quill, Jane B\nDOB", "PATIENT", "Quill, Jane B"),
    ("Attending: Jane Quill\n", "DOCTOR", "Jane Quill"),
    ("Attending:Jane\n\nChief", "DOCTOR", "Jane"),
    ("Provider: Quill, MD Phone", "DOCTOR", "Quill"),
    ("drawn 09/03 4:49 AM", "DATE", "09/03"),
    ("Dr.Quill", "DOCTOR", "Quill"),
    ("seen by Quill, M.D.", "DOCTOR", "Quill"),
    ("Patient Jane Quill was admitted", "PATIENT", "Jane Quill"),
    ("Jane Quill is a 45-year-old", "PATIENT", "Jane Quill"),
    ("device serial number SN12345X", "DEVICE", "SN12345X"),
    ("Dr. José Nuñez-Díaz said", "DOCTOR", "José Nuñez-Díaz"),
    ("Dr. Jose\u0301 Nun\u0303ez said", "DOCTOR", "Jose\u0301 Nun\u0303ez"),
    ("Dr. Łukasz Żak, surgery", "DOCTOR", "Łukasz Żak"),
    ("Dr. McQuill said", "DOCTOR", "McQuill"),
    ("Mrs. Ann van der Quill came", "PATIENT", "Ann van der Quill"),
    ("Dr. St. Quill said", "DOCTOR", "St. Quill"),
    ("Mr. J.R.R. Quill came", "PATIENT", "J.R.R. Quill"),
    ("seen by dr. quill, then", "DOCTOR", "quill"),
    ("mrs Quill came", "PATIENT", "Quill"),
    ("患者Dr. Quill。", "DOCTOR", "Quill"),
    ("病历号MRN 1234567号", "MEDICALRECORD", "1234567"),
    ("92yo男", "AGE", "92"),
    ("her doctor Quill said", "DOCTOR", "Quill"),
    ("Last name: quill\n", "PATIENT", "quill"),
    ("patient name: ann quill\n", "PATIENT", "ann quill"),
    ("Patient: Ann Quill, 45F", "PATIENT", "Ann Quill"),
    ("Emergency contact: wife Ann Quill", "PATIENT", "Ann Quill"),
    ("Pt Ann Quill c/o pain", "PATIENT", "Ann Quill"),
    ("fax (617)5550123", "PHONE", "(617)5550123"),
    ("MRN: 123 45 67", "MEDICALRECORD", "123 45 67"),
    ("a man in his mid-90s", "AGE", "90"),
    ("aged ninety, alone", "AGE", "ninety"),
    ("Age/Sex: 91/F", "AGE", "91"),
    ("1/ 5/2020", "DATE", "1/ 5/2020"),
    ("stayed Jan 5-7, 2020", "DATE", "Jan 5-7, 2020"),
    ("5-7 January 2020", "DATE", "5-7 January 2020"),
    ("Tues 1/6", "DATE", "1/6"),
]
# Texts with several dates or names: all of them are found, each as a span of its own.
SEVERAL = [
    ("admitted 1/5-1/7/20.", ["1/5", "1/7/20"]),
    ("01/05/2020-01/07/2020", ["01/05/2020", "01/07/2020"]),
    ("1/5 to 1/7/2020", ["1/5", "1/7/2020"]),
    ("2020-01-05/2020-01-07", ["2020-01-05", "2020-01-07"]),
    ("on 1/5, 1/6, and 1/17", ["1/5", "1/6", "1/17"]),
    ("Seen by Dr. Quill\nDr. Farr agreed", ["Quill", "Farr"]),
    ("Dr. A. Dr. Ng", ["A", "Ng"]),
    ("Attending: Dr. Ann Quill", ["Ann Quill"]),
    ("Drs. Quill, Farr, and Hale", ["Quill", "Farr", "Hale"]),
]
LEFT = [
    "BP 92/50, HR 90-100, T 98.6, RR 18, O2 94% on 2L",
    "strength 5/5, took 1/2 tablet, 3/6 systolic murmur, on 1/2 tab daily",
    "a 45 year old man, age 89, 12-year-old",
    "WBC 12.3, plt 250000, K 4.2, INR 1.25, Na 135-145",
    "Aspirin 81 mg po q.d. x 10 days, 200-3000 mg",
    "C5-C6, L4/L5, T2-T3, 30-40% of the LAD, 2 of 3",
    "he may 5 times, march on, in 2 weeks, at 10:15",
    "MS Contin 15 mg, MR Brain, MRI of 2 levels",
    "[**2151-7-16**] [**Hospital1 18**] [**Known lastname 12345**]",
    "Patient has Chronic Kidney Disease. Patient Denies Pain. This is a 45-year-old",
    "lot of 100 people, model 3, device 2",
    "CC: Weakness.\nHX: This",
    "Attending: Pending\nName: Unknown\nPatient: Comfortable\nProvider: Phone",
    "Dr. is in. The patient denies pain. Thank you, dr. this was fine.",
    "Call your eye doctor.  Follow-up in 2 weeks.",
    "may 5-10 mg, from 90-95%, in the 90s, QT 400 ms Normal",
    "seen q4-6h, 1-2 tabs, 10-20 mmHg, pH 7.35, 5-10 lbs, 120 ml in 1500 cc",
]


@pytest.mark.parametrize(("text", "label", "private"), FOUND, ids=[f[0] for f in FOUND])
def test_is_found_whole_with_its_type(text, label, private):
    found = [(text[span.start : span.end], span.label) for span in find_all(text)]
    assert (private, label) in found
    assert "".join(text_of for text_of, _ in found).strip() == private or len(found) > 1


@pytest.mark.parametrize(("text", "private"), SEVERAL)
def test_each_of_several_is_a_span(text, private):
    assert [text[span.start : span.end] for span in find_all(text)] == private


@pytest.mark.parametrize("text", LEFT)
def test_clinical_text_is_left_alone(text):
    assert [text[span.start : span.end] for span in find_all(text)] == []


def test_no_name_runs_into_the_next_sentence():
    text = "Seen by Dr. Quill.  It was noted. He left."
    assert [text[s.start : s.end] for s in find_all(text)] == ["Quill"]


def test_a_heading_behind_a_title_is_no_name():
    text = "Dr. Quill Hospital Course"
    assert [text[s.start : s.end] for s in find_all(text)] == ["Quill"]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
