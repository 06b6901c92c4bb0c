package secret

import "testing"

func TestIsSOPS(t *testing.T) {
	const value = `A: "ENC[AES256_GCM,data:x,iv:y,tag:z,type:str]"` + "\n"
	for name, c := range map[string]struct {
		data string
		want bool
	}{
		"YAML":                {value + "sops:\n  mac: x\n", true},
		"YAML in one line":    {`{A: "ENC[AES256_GCM,x]", sops: {mac: x}}`, true},
		"JSON":                {"{\n\t\"A\": \"ENC[AES256_GCM,x]\",\n\t\"sops\": {\n\t\t\"mac\": \"x\"\n\t}\n}\n", true},
		"dotenv":              {"A=ENC[AES256_GCM,x]\nsops_version=3.8.1\n", true},
		"INI":                 {"[a]\nb = ENC[AES256_GCM,x]\n[sops]\nmac = x\n", true},
		"no value":            {"A: x\nsops:\n  mac: x\n", false},
		"no metadata":         {value, false},
		"a comment":           {"# encrypted with sops: see README\n" + value, false},
		"a list of files":     {`{"x-compose-secure": {"sops": ["a.yaml"]}, "A": "ENC[AES256_GCM,x]"}`, false},
		"a variable's name":   {value + "B: sops_version=3\n", false},
		"a key further below": {value + "x-compose-secure:\n  sops: [a.yaml]\n", false},
	} {
		if IsSOPS([]byte(c.data)) != c.want {
			t.Errorf("%s: not %t", name, c.want)
		}
	}
}
