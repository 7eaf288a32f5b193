#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# test_schema - the schemas that editors use, against what cinchctl itself accepts (test_wrong): a real
# validator refuses the same documents and accepts the same ones. Skipped aloud where python3-jsonschema
# is not installed; MUST_RUN=1 makes that a failure.
python=${PYTHON:-/usr/bin/python3}
cd "${0%/*}/.." || exit 2
if ! "$python" -c 'import jsonschema' 2>/dev/null; then
	if [ "${MUST_RUN:-}" = 1 ]; then
		echo 'not ok 1 - schemas # python3-jsonschema is not installed'
	else
		echo 'ok 1 - schemas # SKIP python3-jsonschema is not installed'
	fi
	echo '1..1'
	[ "${MUST_RUN:-}" != 1 ]
	exit
fi
"$python" - <<'EOP'
import glob, json, re, sys
from jsonschema import Draft7Validator

count = bad = 0


def ok(good, what, why=''):
    global count, bad
    count += 1
    bad += not good
    print('%sok %d - %s' % ('' if good else 'not ', count, what))
    if not good and why:
        print('# ' + str(why)[:300].replace('\n', ' '))


def bare(text):
    """TEXT without comments."""
    return re.sub(r'("(?:[^"\\]|\\.)*")|//[^\n]*|/\*.*?\*/', lambda m: m.group(1) or ' ', text, flags=re.S)


def schema(path):
    with open(path) as f:
        s = json.load(f)
    try:
        Draft7Validator.check_schema(s)
        ok(True, path + ' is a schema')
    except Exception as e:
        ok(False, path + ' is a schema', e)
    return Draft7Validator(s)


def judge(validator, doc):
    """None, or the first thing that is wrong."""
    for e in validator.iter_errors(doc):
        return '/'.join(map(str, e.absolute_path)) + ': ' + e.message
    return None


def refused(validator, folder, least):
    seen = 0
    for path in sorted(glob.glob('tests/data/%s/*.json' % folder)):
        seen += 1
        with open(path) as f:
            text = f.read()
        try:
            ok(judge(validator, json.loads(text)) is not None, path + ' is refused')
        except ValueError:
            ok(True, path + ' is not even JSON')
    ok(seen >= least, '%d documents in %s' % (seen, folder))


def accepted(validator, paths, least, what):
    docs = []
    for path in sorted(paths):
        with open(path) as f:
            docs.append(json.loads(bare(f.read())))
        why = judge(validator, docs[-1])
        ok(why is None, path + ' is accepted', why)
    ok(len(docs) >= least, '%d %s' % (len(docs), what))
    return docs


def covered(validator, docs, what):
    """Every key the schema knows stands in a document that cinchctl accepts: it knows no others."""
    def walk(node, values, place):
        for ref in [node] + node.get('allOf', []):
            while '$ref' in ref:
                ref = validator.schema['definitions'][ref['$ref'].rsplit('/', 1)[1]]
            for choice in ref.get('oneOf', []) + ref.get('anyOf', []):
                if choice.get('type') == 'array' and 'items' in choice:
                    walk(choice['items'], [x for v in values if isinstance(v, list) for x in v], place + '/-')
            if 'items' in ref:
                walk(ref['items'], [x for v in values if isinstance(v, list) for x in v], place + '/-')
            for key, sub in ref.get('properties', {}).items():
                there = [v[key] for v in values if isinstance(v, dict) and key in v]
                if not there:
                    missing.append(place + '/' + key)
                walk(sub, there, place + '/' + key)
    missing = []
    walk(validator.schema, docs, '')
    ok(not missing, what + ': every key of the schema is in a document that is accepted', ' '.join(missing))


def examples(path):
    """Whole documents in a manual: fenced blocks, here-documents, displays of a man page."""
    with open(path) as f:
        text = f.read()
    blocks = re.findall(r'^```jsonc?\n(.*?)^```', text, flags=re.S | re.M)
    blocks += [b for _, b in re.findall(r"<<'?(\w+)'?\n(.*?\n)\1$", text, flags=re.S | re.M)]
    blocks += re.findall(r'^\.Bd -literal.*?\n(.*?)^\.Ed', text, flags=re.S | re.M)
    for block in blocks:
        try:
            doc = json.loads(bare(block.replace('\\e', '\\')))
        except ValueError:
            continue
        if isinstance(doc, dict):
            yield doc


profile = schema('profiles/profile.schema.json')
node = schema('profiles/cinch.schema.json')
refused(profile, 'wrong-profiles', 60)
refused(node, 'wrong-nodes', 40)
shipped = accepted(profile, glob.glob('profiles/library/*.json'), 2, 'shipped profiles')
good = accepted(profile, glob.glob('tests/data/good-profiles/*.json'), 8, 'good profiles')
covered(profile, good, 'profiles')
good = accepted(node, glob.glob('tests/data/good-nodes/*.json'), 5, 'good configurations')
covered(node, good, 'configurations')
accepted(node, glob.glob('integration/**/cinch.json', recursive=True), 0, 'configurations of the engines')
# what only cinchctl can find wrong is nothing a schema objects to
for v, folder in ((profile, 'wrong-profiles-meaning'), (node, 'wrong-nodes-meaning')):
    accepted(v, glob.glob('tests/data/%s/*.json' % folder), 5, 'documents in ' + folder)
manuals = ['README.md'] + [f for g in ('profiles/*.md', 'man/*.5', 'integration/**/*.md')
                           for f in sorted(glob.glob(g, recursive=True))]
for path in manuals:
    for doc in examples(path):
        if 'profile' in doc and 'version' in doc:
            why = judge(profile, doc)
            ok(why is None, '%s: profile "%s"' % (path, doc['profile']), why)
        elif set(doc) == {'denied'} and all(isinstance(v, dict) for v in doc['denied']):
            pass  # a file of denied images
        elif set(doc) & set(node.schema['properties']) - {'mode', 'profile', 'audit'}:
            why = judge(node, doc)
            ok(why is None, path + ': a configuration', why)
print('1..%d' % count)
sys.exit(1 if bad else 0)
EOP
