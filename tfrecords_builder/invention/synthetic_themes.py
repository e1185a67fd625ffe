"""What the invented notes talk about: one theme a hospital stay.

Everything that belongs to a disease stands together here (its complaints, drugs, findings,
laboratory values), so that within a note the words around a masked word tell what it was, and a
sentence tells which sentence may follow. Invented from general medical knowledge, no patient
behind any of it.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Theme:
    """A disease and the words that go with it.

    Attributes:
        name: the diagnosis as it stands in a sentence.
        service: the hospital service, upper case.
        consult: the team asked for advice.
        study: the imaging study ordered, upper case.
        complaints: chief complaints.
        symptoms: what the patient reports.
        history: past medical history that goes with it.
        drugs: one (name, dose, route and frequency) a drug.
        findings: what imaging shows, fit to follow "showed".
        exam: one (system, finding) a line of the physical examination.
        labs: one (name, lowest, highest, decimals) a laboratory value that matters here.
        course: what happened, whole clauses fit to follow "The patient".
        plan: what is to be done, imperative clauses.
        electrocardiogram: what the tracing shows.
        echocardiogram: what the echocardiogram shows.
    """

    name: str
    service: str
    consult: str
    study: str
    complaints: tuple[str, ...]
    symptoms: tuple[str, ...]
    history: tuple[str, ...]
    drugs: tuple[tuple[str, ...], ...]
    findings: tuple[str, ...]
    exam: tuple[tuple[str, ...], ...]
    labs: tuple[tuple[str, float, float, int], ...]
    course: tuple[str, ...]
    plan: tuple[str, ...]
    electrocardiogram: tuple[str, ...]
    echocardiogram: tuple[str, ...]


_NORMAL_ECG = "Sinus rhythm. Normal tracing; Sinus rhythm. No ischemic changes"
_NORMAL_ECHO = (
    "LEFT VENTRICLE: Normal LV wall thickness and cavity size; AORTIC VALVE: No AS. No AR"
)


def _list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(";"))


def _table(text: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(cell.strip() for cell in row.split("|")) for row in text.split(";"))


def _labs(text: str) -> tuple[tuple[str, float, float, int], ...]:
    rows = (row.split() for row in text.split(";"))
    return tuple((name, float(low), float(high), int(digits)) for name, low, high, digits in rows)


def _theme(heading: str, **lists: str) -> Theme:
    name, service, consult, study = (part.strip() for part in heading.split("|"))
    parsers = {"drugs": _table, "exam": _table, "labs": _labs}
    lists["electrocardiogram"] = lists.get("electrocardiogram", _NORMAL_ECG) + "; " + _NORMAL_ECG
    lists["echocardiogram"] = lists.get("echocardiogram", _NORMAL_ECHO) + "; " + _NORMAL_ECHO
    fields = {key: parsers.get(key, _list)(text) for key, text in lists.items()}
    return Theme(name=name, service=service, consult=consult, study=study, **fields)


THEMES = (
    _theme(
        "community acquired pneumonia | MEDICINE | infectious disease | CHEST (PORTABLE AP)",
        complaints="productive cough and fever; dyspnea and fever; cough",
        symptoms="cough productive of green sputum; pleuritic chest pain; rigors; malaise",
        history="asthma; recurrent bronchitis; former tobacco use",
        drugs="Ceftriaxone|1 gram|IV Q24H; Azithromycin|250 mg|PO DAILY; "
        "Levofloxacin|750 mg|PO DAILY; Guaifenesin|10 mL|PO Q6H:PRN cough",
        findings="a right lower lobe consolidation; a dense left lower lobe infiltrate; "
        "a small parapneumonic effusion; patchy multifocal opacities",
        exam="Lungs|rhonchi and bronchial breath sounds at the right base; "
        "General|febrile, coughing; Ext|warm, no edema",
        labs="WBC 12.1 22.5 1; Lactate 1.1 3.4 1",
        course="was started on ceftriaxone and azithromycin; "
        "defervesced after two days of antibiotics; "
        "had sputum cultures that grew Streptococcus pneumoniae; was weaned to room air",
        plan="continue ceftriaxone and azithromycin; follow up sputum culture; "
        "encourage incentive spirometry; repeat chest x-ray in 6 weeks",
        electrocardiogram="Sinus tachycardia. Otherwise normal tracing",
    ),
    _theme(
        "acute on chronic systolic heart failure | CARDIOLOGY | heart failure | CHEST (PA & LAT)",
        complaints="worsening leg edema; dyspnea on exertion; orthopnea",
        symptoms="paroxysmal nocturnal dyspnea; three-pillow orthopnea; weight gain; leg swelling",
        history="ischemic cardiomyopathy; hypertension; coronary artery disease s/p CABG",
        drugs="Furosemide|40 mg|PO BID; Carvedilol|6.25 mg|PO BID; Lisinopril|10 mg|PO DAILY; "
        "Spironolactone|25 mg|PO DAILY",
        findings="pulmonary vascular congestion; cardiomegaly with bilateral pleural effusions; "
        "interstitial pulmonary edema; Kerley B lines",
        exam="Neck|JVP elevated to 12 cm; Lungs|crackles at the bases bilaterally; "
        "Ext|2+ pitting edema to the knees",
        labs="proBNP 4200 15800 0; Creat 1.2 1.9 1",
        course="was diuresed with IV furosemide; put out two liters of urine overnight; "
        "was net negative and lost four kilograms; was transitioned to oral furosemide",
        plan="diurese with furosemide to goal negative one liter; daily weights; "
        "low sodium diet; uptitrate carvedilol as tolerated",
        electrocardiogram="Sinus rhythm. Left bundle-branch block; "
        "Sinus rhythm. Left ventricular hypertrophy with strain",
        echocardiogram="LEFT VENTRICLE: Moderately dilated LV cavity. Severe global hypokinesis; "
        "MITRAL VALVE: Moderate (2+) mitral regurgitation",
    ),
    _theme(
        "atrial fibrillation with RVR | CARDIOLOGY | electrophysiology | CHEST (PORTABLE AP)",
        complaints="palpitations; irregular heart beat; lightheadedness",
        symptoms="palpitations; a racing heart; presyncope; fatigue",
        history="paroxysmal atrial fibrillation; hypertension; hyperthyroidism",
        drugs="Metoprolol Tartrate|25 mg|PO TID; Diltiazem|30 mg|PO QID; Warfarin|5 mg|PO DAILY; "
        "Amiodarone|200 mg|PO DAILY",
        findings="no acute cardiopulmonary process; mild left atrial enlargement; "
        "a normal cardiac silhouette",
        exam="CV|irregularly irregular, tachycardic; Lungs|clear bilaterally; Ext|no edema",
        labs="INR 1.1 2.9 1; TSH 0.1 4.2 1",
        course="was rate controlled with metoprolol; was started on a diltiazem drip; "
        "converted to sinus rhythm; was bridged to warfarin with heparin",
        plan="rate control with metoprolol; continue warfarin for goal INR 2 to 3; "
        "monitor on telemetry; consider cardioversion",
        electrocardiogram="Atrial fibrillation with rapid ventricular response; "
        "Atrial fibrillation. Diffuse ST-T wave abnormalities",
        echocardiogram="LEFT ATRIUM: Moderate LA enlargement. No atrial septal defect; "
        "LEFT ATRIUM: No thrombus in the left atrial appendage",
    ),
    _theme(
        "NSTEMI | CARDIOLOGY | interventional cardiology | CHEST (PORTABLE AP)",
        complaints="chest pain; substernal chest pressure; chest pain at rest",
        symptoms="crushing substernal chest pressure; pain radiating to the left arm; "
        "diaphoresis; nausea",
        history="coronary artery disease; hyperlipidemia; type 2 diabetes mellitus",
        drugs="Aspirin|325 mg|PO DAILY; Clopidogrel|75 mg|PO DAILY; "
        "Atorvastatin|80 mg|PO DAILY; Nitroglycerin|0.3 mg|SL PRN chest pain",
        findings="no evidence of pulmonary edema; mild cardiomegaly; a tortuous aorta",
        exam="CV|RRR, no murmurs, no chest wall tenderness; Ext|right groin without hematoma",
        labs="cTropnT 0.12 2.80 2; CK-MB 12 96 0",
        course="was given aspirin and started on a heparin drip; "
        "underwent cardiac catheterization; received a drug eluting stent to the LAD; "
        "remained free of chest pain",
        plan="continue aspirin and clopidogrel for 12 months; trend cardiac enzymes; "
        "high dose atorvastatin; cardiac rehabilitation",
        electrocardiogram="Sinus rhythm. ST segment depressions in leads V4-V6; "
        "Sinus rhythm. T wave inversions in the anterolateral leads",
        echocardiogram="LEFT VENTRICLE: Regional LV systolic dysfunction with anterior akinesis; "
        "LEFT VENTRICLE: Apical hypokinesis. No LV thrombus",
    ),
    _theme(
        "acute pulmonary embolism | MEDICINE | hematology | CTA CHEST W&W/O C&RECONS",
        complaints="sudden shortness of breath; pleuritic chest pain; syncope",
        symptoms="sudden dyspnea; calf pain; hemoptysis; pleuritic chest pain",
        history="deep vein thrombosis; factor V Leiden; recent long flight",
        drugs="Enoxaparin|80 mg|SC Q12H; Warfarin|5 mg|PO DAILY; "
        "Heparin|1000 units/hr|IV DRIP; Apixaban|5 mg|PO BID",
        findings="segmental filling defects in the right lower lobe artery; "
        "a saddle embolus; bilateral pulmonary emboli; right heart strain",
        exam="Lungs|clear, tachypneic; Ext|left calf swollen and tender; CV|tachycardic, loud P2",
        labs="D-Dimer 1200 8400 0; PTT 28.4 92.6 1",
        course="was anticoagulated with heparin; had no right ventricular strain; "
        "was bridged to warfarin; had an IVC filter placed",
        plan="continue enoxaparin until INR is therapeutic; lower extremity ultrasound; "
        "hypercoagulability work-up as outpatient",
        electrocardiogram="Sinus tachycardia. S1Q3T3 pattern; "
        "Sinus tachycardia. Incomplete right bundle-branch block",
        echocardiogram="RIGHT VENTRICLE: Dilated RV cavity with depressed free wall contractility; "
        "TRICUSPID VALVE: Moderate PA systolic hypertension",
    ),
    _theme(
        "sepsis secondary to urinary tract infection | MEDICINE | infectious disease | RENAL U.S.",
        complaints="fever and dysuria; altered mental status; hypotension",
        symptoms="dysuria; suprapubic pain; flank pain; urinary frequency",
        history="neurogenic bladder; nephrolithiasis; recurrent urinary tract infections",
        drugs="Cefepime|2 grams|IV Q12H; Ciprofloxacin|500 mg|PO Q12H; "
        "Norepinephrine|0.05 mcg/kg/min|IV DRIP; Vancomycin|1 gram|IV Q12H",
        findings="mild right hydronephrosis; a nonobstructing stone; bladder wall thickening",
        exam="Abd|suprapubic tenderness, right CVA tenderness; General|lethargic, febrile",
        labs="Lactate 2.2 6.1 1; WBC 14.8 29.3 1",
        course="received three liters of normal saline; was started on cefepime; "
        "required norepinephrine for hypotension; had urine cultures that grew E. coli",
        plan="continue cefepime pending sensitivities; wean norepinephrine for MAP > 65; "
        "change the Foley catheter; follow lactate",
        electrocardiogram="Sinus tachycardia. Non-specific ST-T wave changes",
        echocardiogram="LEFT VENTRICLE: Hyperdynamic LVEF > 75%",
    ),
    _theme(
        "acute kidney injury | MEDICINE | renal | RENAL U.S.",
        complaints="decreased urine output; elevated creatinine; nausea and weakness",
        symptoms="oliguria; poor oral intake; metallic taste; pruritus",
        history="chronic kidney disease stage III; hypertension; gout",
        drugs="Sevelamer|800 mg|PO TID W/MEALS; Sodium Bicarbonate|650 mg|PO TID; "
        "Calcium Acetate|667 mg|PO TID; Epoetin Alfa|4000 units|SC 3X/WEEK",
        findings="echogenic kidneys without hydronephrosis; bilateral renal cortical thinning; "
        "no evidence of obstruction",
        exam="Ext|asterixis absent, trace edema; General|dry mucous membranes",
        labs="Creat 2.4 7.8 1; UreaN 48 121 0; K 4.9 6.7 1",
        course="was hydrated with normal saline; had muddy brown casts in the urine sediment; "
        "was started on hemodialysis; had creatinine return to baseline",
        plan="hold lisinopril and avoid nephrotoxins; strict intake and output; "
        "renally dose medications; hemodialysis per renal",
        electrocardiogram="Sinus rhythm. Peaked T waves consistent with hyperkalemia",
        echocardiogram="PERICARDIUM: Trivial pericardial effusion",
    ),
    _theme(
        "upper gastrointestinal bleed | MEDICINE | gastroenterology | ABDOMEN (SUPINE & ERECT)",
        complaints="melena; hematemesis; black stools",
        symptoms="coffee ground emesis; black tarry stools; dizziness; epigastric pain",
        history="peptic ulcer disease; NSAID use; H. pylori gastritis",
        drugs="Pantoprazole|40 mg|PO BID; Octreotide|50 mcg/hr|IV DRIP; "
        "Sucralfate|1 gram|PO QID; Ferrous Sulfate|325 mg|PO DAILY",
        findings="no free air; a nonspecific bowel gas pattern; no obstruction",
        exam="Abd|epigastric tenderness, guaiac positive stool; General|pale",
        labs="Hct 19.8 27.9 1; UreaN 34 68 0",
        course="was transfused two units of packed red cells; "
        "underwent EGD which showed a duodenal ulcer; had the ulcer clipped and injected; "
        "had a stable hematocrit for 48 hours",
        plan="serial hematocrits every 6 hours; continue IV pantoprazole; "
        "keep two large bore IVs; avoid NSAIDs",
        electrocardiogram="Sinus tachycardia. Otherwise normal tracing",
    ),
    _theme(
        "acute ischemic stroke | NEUROLOGY | stroke neurology | MR HEAD W/O CONTRAST",
        complaints="left sided weakness; slurred speech; facial droop",
        symptoms="right arm weakness; word finding difficulty; facial droop; gait instability",
        history="carotid stenosis; hypertension; transient ischemic attack",
        drugs="Aspirin|81 mg|PO DAILY; Simvastatin|40 mg|PO QHS; "
        "Clopidogrel|75 mg|PO DAILY; Labetalol|10 mg|IV PRN SBP > 180",
        findings="restricted diffusion in the left middle cerebral artery territory; "
        "a hyperdense middle cerebral artery; severe internal carotid stenosis",
        exam="Neuro|right pronator drift, dysarthria, right facial droop; Eyes|left neglect",
        labs="LDL 92 188 0; HbA1c 5.4 8.9 1",
        course="was outside the window for tPA; was kept flat with permissive hypertension; "
        "passed a speech and swallow evaluation; worked with physical therapy",
        plan="aspirin and statin for secondary prevention; neuro checks every 4 hours; "
        "swallow evaluation before diet; carotid ultrasound",
        electrocardiogram="Sinus rhythm. Left atrial abnormality",
        echocardiogram="LEFT ATRIUM: No PFO by saline contrast",
    ),
    _theme(
        "right hip fracture | ORTHOPAEDICS | orthopedic surgery | HIP UNILAT MIN 2 VIEWS",
        complaints="fall with hip pain; mechanical fall; right hip pain",
        symptoms="right hip pain; inability to bear weight; groin pain",
        history="osteoporosis; osteoarthritis; left total knee replacement",
        drugs="Oxycodone|5 mg|PO Q4H:PRN pain; Enoxaparin|40 mg|SC DAILY; "
        "Calcium Carbonate|500 mg|PO TID; Docusate Sodium|100 mg|PO BID",
        findings="a displaced right femoral neck fracture; an intertrochanteric fracture; "
        "satisfactory position of the hemiarthroplasty",
        exam="Ext|right leg shortened and externally rotated; Neuro|sensation intact distally",
        labs="Hct 24.1 33.8 1; VitD 8 24 0",
        course="underwent open reduction and internal fixation; was weight bearing as tolerated; "
        "had pain controlled with oxycodone; worked with physical therapy",
        plan="weight bearing as tolerated on the right leg; enoxaparin for 4 weeks; "
        "staples out in 14 days; rehabilitation placement",
        electrocardiogram="Sinus rhythm. Pre-operative tracing within normal limits",
    ),
    _theme(
        "COPD exacerbation | MEDICINE | pulmonary | CHEST (PA & LAT)",
        complaints="wheezing; shortness of breath; increased sputum",
        symptoms="wheezing; increased sputum; chest tightness; dyspnea with minimal exertion",
        history="COPD on home oxygen; emphysema; heavy tobacco use",
        drugs="Prednisone|40 mg|PO DAILY; Albuterol|0.083% neb|IH Q4H:PRN wheezing; "
        "Tiotropium|18 mcg|IH DAILY; Ipratropium|0.02% neb|IH Q6H",
        findings="hyperinflated lungs with flattened diaphragms; bullous emphysema; "
        "no focal consolidation",
        exam="Lungs|diffuse expiratory wheezes, prolonged expiratory phase; General|pursed lips",
        labs="pCO2 52 84 0; HCO3 29 38 0",
        course="was treated with steroids and nebulizers; required BiPAP overnight; "
        "was weaned to two liters of oxygen; was started on a prednisone taper",
        plan="prednisone taper over 10 days; nebulizers every 4 hours; "
        "goal oxygen saturation 88 to 92 percent; smoking cessation",
        electrocardiogram="Multifocal atrial tachycardia; Sinus rhythm. Low limb lead voltage",
        echocardiogram="RIGHT VENTRICLE: RV hypertrophy with mild dilation",
    ),
    _theme(
        "gallstone pancreatitis | SURGERY | general surgery | CT ABDOMEN W/CONTRAST",
        complaints="abdominal pain; epigastric pain with vomiting; nausea",
        symptoms="epigastric pain radiating to the back; vomiting; anorexia; bloating",
        history="cholelithiasis; hypertriglyceridemia; obesity",
        drugs="Hydromorphone|1 mg|IV Q3H:PRN pain; Ondansetron|4 mg|IV Q8H:PRN nausea; "
        "Ursodiol|300 mg|PO BID; Famotidine|20 mg|PO BID",
        findings="peripancreatic fat stranding; a dilated common bile duct; cholelithiasis; "
        "no pancreatic necrosis",
        exam="Abd|epigastric tenderness with guarding, decreased bowel sounds; Skin|anicteric",
        labs="Lipase 640 4210 0; TotBili 1.9 6.8 1",
        course="was kept NPO with aggressive hydration; underwent ERCP with sphincterotomy; "
        "had lipase trend down; underwent laparoscopic cholecystectomy",
        plan="advance diet as tolerated; pain control with hydromorphone; "
        "low fat diet; follow lipase and bilirubin",
        electrocardiogram="Sinus rhythm. Non-specific T wave changes",
    ),
    _theme(
        "decompensated alcoholic cirrhosis | MEDICINE | hepatology | LIVER OR GALLBLADDER US",
        complaints="confusion; abdominal distension; jaundice",
        symptoms="increasing abdominal girth; sleep reversal; jaundice; easy bruising",
        history="alcoholic cirrhosis; esophageal varices; ascites",
        drugs="Lactulose|30 mL|PO TID; Rifaximin|550 mg|PO BID; Nadolol|20 mg|PO DAILY; "
        "Spironolactone|100 mg|PO DAILY",
        findings="a nodular liver with large ascites; splenomegaly; a patent portal vein",
        exam="Abd|distended with fluid wave; Neuro|asterixis present; Skin|jaundiced",
        labs="TotBili 3.8 17.2 1; INR 1.6 2.8 1; Albumin 1.9 2.8 1",
        course="was started on lactulose with clearing of mental status; "
        "underwent paracentesis of five liters; received albumin; "
        "was negative for spontaneous bacterial peritonitis",
        plan="titrate lactulose to three bowel movements a day; continue rifaximin; "
        "diagnostic paracentesis; transplant evaluation",
        electrocardiogram="Sinus rhythm. Prolonged Q-T interval",
        echocardiogram="TRICUSPID VALVE: Mild tricuspid regurgitation",
    ),
)
